// What the tests have in common: a browser, visits that nothing may go wrong in, and somebody who has an account.
// BASE_URL says where the API is, CHROMIUM where the browser is; run.sh demands the one and finds the other.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

export const base = process.env.BASE_URL;
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
export async function visit(path, use, expected = []) {
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

export async function signUp() {
  const username = `ann${Date.now()}`;
  const password = "Passw0rd1";
  const answer = await fetch(`${base}/api/v1/users`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email: `${username}@example.com`, username, password }),
  });
  assert.equal(answer.status, 201);
  return { username, password, email: `${username}@example.com` };
}
