// The documentation pages in Chromium, as people use them: tests/with-cloud.sh tests/browser/run.sh
// BASE_URL says where the API is, CHROMIUM where the browser is; run.sh demands the one and finds the other.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const base = process.env.BASE_URL;
const executablePath = process.env.CHROMIUM;
const screenshots = new URL("screenshots/", import.meta.url);

let browser;

before(async () => {
  await mkdir(screenshots, { recursive: true });
  // Without the requests that the browser makes for itself.
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", ...quiet] });
});

after(() => browser?.close());

/**
 * Uses a page, then demands that nothing but the expected went wrong meanwhile: no error, nothing refused, nothing from
 * elsewhere.
 */
async function visit(path, use, expected = []) {
  const context = await browser.newContext({ baseURL: base, viewport: { width: 1280, height: 1000 } });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure().errorText}`));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol !== "data:" && origin !== new URL(base).origin) complaints.push(`foreign: ${request.url()}`);
  });
  await page.exposeFunction("refused", (what) => complaints.push(`refused: ${what}`));
  await page.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", (event) =>
      refused(`${event.effectiveDirective} ${event.blockedURI}`),
    ),
  );
  try {
    await page.goto(path);
    await use(page, (name) => page.screenshot({ path: new URL(`${name}.png`, screenshots).pathname }));
    assert.deepEqual(complaints, expected);
  } finally {
    await context.close();
  }
}

async function signUp() {
  const username = `ann${Date.now()}`;
  const password = "Passw0rd1";
  const answer = await fetch(`${base}/api/v1/users`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email: `${username}@example.com`, username, password }),
  });
  assert.equal(answer.status, 201);
  return { username, password };
}

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
    for (const operation of await operations.all()) await operation.click();
    await page.locator(".opblock.is-open .execute").nth(documented - 1).waitFor();
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
