// The pages on which people sign in and replace a forgotten password, in Chromium.

import assert from "node:assert/strict";
import { test } from "node:test";
import { base, signUp, visit } from "./visit.mjs";

const refused = "Failed to load resource: the server responded with a status of 401 (Unauthorized)";

/** Fills the form in with the keyboard alone, beginning where the page has put the focus. */
async function signIn(page, { username, password }) {
  assert.equal(await focused(page), "username");
  await page.keyboard.type(username);
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
}

const focused = (page) => page.evaluate(() => document.activeElement.id);

/** The text of the mail with this subject, once it has come. */
async function mailed(email, subject) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const mails = await (await fetch(`${base}/_local/mail`, { headers: { Accept: "application/json" } })).json();
    const found = mails.find((mail) => mail.to.includes(email) && mail.subject === subject);
    if (found) return found.text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail "${subject}" has come`);
}

test("who signs in sees the session, and is gone after signing out", async () => {
  const user = await signUp();
  await visit("/api/v1/login", async (page, screenshot) => {
    await signIn(page, user);
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    await page.getByRole("listitem").first().waitFor();
    assert.equal(await page.locator("#name").innerText(), user.username);
    assert.equal(await focused(page), "account-title");
    assert.equal(await page.getByRole("listitem").count(), 1);
    assert.match(await page.getByRole("listitem").innerText(), /Chrom.*\(this one\)/s);
    await screenshot("login-account");
    const kept = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]);
    assert.deepEqual(kept, ["", 0, 0], "tokens are in the page's memory alone");
    const revoked = page.waitForResponse((response) => response.url().endsWith("/api/v1/token/revoke"));
    await page.getByRole("button", { name: "Sign out" }).click();
    assert.equal((await revoked).status(), 200);
    await page.getByText("You are signed out.").waitFor();
    assert.equal(await focused(page), "username");
    assert.equal(await page.locator("#password").inputValue(), "");
    assert.ok(!(await page.content()).includes(user.password));
  });
});

test("another session can be ended, and one's own", async () => {
  const user = await signUp();
  const other = await fetch(`${base}/api/v1/token`, { method: "POST", body: new URLSearchParams(user) });
  const { access_token: token } = await other.json();
  const isAccepted = async () =>
    (await fetch(`${base}/api/v1/users/me`, { headers: { Authorization: `Bearer ${token}` } })).ok;
  await visit("/api/v1/login", async (page) => {
    await signIn(page, user);
    await page.getByRole("listitem").nth(1).waitFor();
    assert.ok(await isAccepted());
    await page.getByRole("listitem").filter({ hasNotText: "(this one)" }).getByRole("button").click();
    await page.getByText("The session has ended.").waitFor();
    assert.ok(!(await isAccepted()));
    assert.equal(await page.getByRole("listitem").count(), 1);
    await page.getByRole("listitem").getByRole("button").click();
    await page.getByText("You are signed out.").waitFor();
    assert.ok(await page.locator("#account").isHidden());
  });
});

test("who mistypes the password is told so, and where to go who has forgotten it", async () => {
  const { username } = await signUp();
  const mistype = async (page, screenshot) => {
    await signIn(page, { username, password: "Wr0ngPassword" });
    await page.getByRole("alert").filter({ hasText: "Incorrect username or password" }).waitFor();
    assert.equal(await focused(page), "password");
    await screenshot("login-refused");
    await page.getByRole("link", { name: "Forgot your password?" }).click();
    await page.getByRole("heading", { name: "Set a new password" }).waitFor();
  };
  await visit("/api/v1/login", mistype, [refused]);
});

test("a forgotten password is replaced by a link from a mail", async () => {
  const user = await signUp();
  await visit("/api/v1/forgot-password", async (page, screenshot) => {
    await page.getByLabel("Email address").fill(user.email);
    await page.getByRole("button", { name: "Send the link" }).click();
    await page.getByRole("heading", { name: "Look into your mail" }).waitFor();
    const text = await mailed(user.email, "Set a new password");
    await page.goto(/http\S*reset-password\?token=\S+/.exec(text)[0]);
    await page.getByLabel("New password").fill("N3w-password");
    await screenshot("reset-password");
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await signIn(page, { ...user, password: "N3w-password" });
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    await page.getByRole("listitem").first().waitFor();
  });
});
