SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // A token is gone with the page: what scripts can read later, others may too.
  persistAuthorization: false,
  // The badge would show the document to its maker's validator.
  validatorUrl: null,
});
