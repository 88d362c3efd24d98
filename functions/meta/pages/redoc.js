// The fonts that ReDoc is designed for would come from elsewhere.
const fontFamily = "system-ui, sans-serif";
const theme = { typography: { fontFamily, headings: { fontFamily } } };
Redoc.init("/openapi.json", { theme }, document.getElementById("redoc"));
