// The documentation pages in Chromium, as people use them: tests/with-cloud.sh tests/browser/run.sh

import assert from "node:assert/strict";
import { test } from "node:test";
import { base, signUp, visit } from "./visit.mjs";

test("who signs in on Swagger UI can try out an operation that asks who calls", async () => {
  const { username, password } = await signUp();
  await visit("/docs", async (page, screenshot) => {
    await page.locator(".scheme-container button.authorize").click();
    const form = page.locator(".auth-container").filter({ hasText: "OAuth2, password" });
    await form.locator("#oauth_username").fill(username);
    await form.locator("#oauth_password").fill(password);
    await screenshot("docs-authorize");
    await form.locator("button.authorize").click();
    await form.getByText("Logout").waitFor();
    await screenshot("docs-authorized");
    await form.locator("button.btn-done").click();

    const operation = page.locator(".opblock-get", { has: page.locator('[data-path="/api/v1/users/me"]') });
    await operation.locator(".opblock-summary-control").click();
    await operation.locator("button.execute").click();
    const answer = operation.locator(".live-responses-table .response");
    await answer.waitFor();
    await answer.scrollIntoViewIfNeeded();
    await screenshot("docs-tried-out");
    assert.match(await answer.locator(".response-col_status").innerText(), /^200/);
    assert.equal(JSON.parse(await answer.locator("pre code").first().innerText()).username, username);

    await page.reload();
    // The address names the operation, and the token is gone.
    await operation.locator("button.execute").waitFor();
    await page.locator(".scheme-container button.authorize.unlocked").waitFor();
  });
});

test("who mistypes the password is told so on Swagger UI", async () => {
  const { username } = await signUp();
  const refuse = async (page, screenshot) => {
    await page.locator(".scheme-container button.authorize").click();
    const form = page.locator(".auth-container").filter({ hasText: "OAuth2, password" });
    await form.locator("#oauth_username").fill(username);
    await form.locator("#oauth_password").fill("Wr0ngPassword");
    await form.locator("button.authorize").click();
    assert.match(await form.locator(".errors").innerText(), /Unauthorized/i);
    await screenshot("docs-refused");
  };
  await visit("/docs", refuse, ["Failed to load resource: the server responded with a status of 401 (Unauthorized)"]);
});

test("every operation opens on Swagger UI", async () => {
  await visit("/docs", async (page, screenshot) => {
    const document = await (await fetch(`${base}/openapi.json`)).json();
    const documented = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;
    const operations = page.locator(".opblock .opblock-summary-control");
    await operations.first().waitFor();
    assert.equal(await operations.count(), documented);
    // At once, because the page draws all that is open again for each that opens; even so it takes a minute or two.
    await operations.evaluateAll((all) => all.forEach((operation) => operation.click()));
    await page.locator(".opblock.is-open .execute").nth(documented - 1).waitFor({ timeout: 600_000 });
    await screenshot("docs-operations");
  });
});

test("ReDoc shows the operations and finds them by words", async () => {
  await visit("/redoc", async (page, screenshot) => {
    await page.getByRole("heading", { name: "Sign in with username or email and password." }).waitFor();
    await screenshot("redoc");
    await page.getByRole("searchbox").or(page.locator("input.search-input")).fill("password");
    await page.locator('[data-role="search:results"] [role="menuitem"]').first().click();
    await screenshot("redoc-found");
  });
});
