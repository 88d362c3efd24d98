// Swagger UI takes an underscore in the address of an operation for a blank, and logs that as an error. Here it belongs
// to the operation's name.
const namesWithUnderscores = (hash, { layoutActions, layoutSelectors }) => {
  const [tag, operation] = hash.replace(/^#!?\/?/, "").split("/");
  const key = layoutSelectors.isShownKeyFromUrlHashArray([tag, operation]);
  if (operation) layoutActions.show(layoutSelectors.isShownKeyFromUrlHashArray([tag]), true);
  layoutActions.show(key, true);
  layoutActions.scrollTo(key);
  layoutActions.scrollToVirtualizedOperation(key);
};
const parseDeepLinkHash = (original, system) => (hash) =>
  hash.includes("_") ? namesWithUnderscores(hash, system) : original(hash);

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  plugins: [{ statePlugins: { layout: { wrapActions: { parseDeepLinkHash } } } }],
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // A token is gone with the page: what scripts can read later, others may too.
  persistAuthorization: false,
  // The badge would show the document to its maker's validator.
  validatorUrl: null,
});
