// The pages on which people sign in and replace a forgotten password, in Chromium.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
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

/** What an authenticator app shows so many seconds from now (RFC 6238), of the address that it has been given. */
function codeOf(uri, secondsFromNow = 0) {
  const letters = [...new URL(uri).searchParams.get("secret")];
  const bits = letters.map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
  const secret = Buffer.from(bits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor((Date.now() / 1000 + secondsFromNow) / 30)));
  const hash = createHmac("sha1", secret).update(step).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

/** Sets a second factor up, and is its address. */
async function setUpSecondFactor(user) {
  const signedIn = await fetch(`${base}/api/v1/token`, { method: "POST", body: new URLSearchParams(user) });
  const { access_token: token } = await signedIn.json();
  const post = (path, body) => {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    return fetch(`${base}/api/v1/users/me/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  };
  const { uri } = await (await post("totp", {})).json();
  assert.equal((await post("totp/confirm", { otp: codeOf(uri) })).status, 200);
  return uri;
}

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

test("who has a second factor is asked for its code, and again after a wrong one", async () => {
  const user = await signUp();
  const uri = await setUpSecondFactor(user);
  const signInWithCode = async (page, screenshot) => {
    await signIn(page, user);
    await page.getByText("Please enter a code of your second factor.").waitFor();
    assert.equal(await focused(page), "otp");
    await screenshot("login-code");
    await page.keyboard.type("000000");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "The code is wrong, or has been used" }).waitFor();
    // The one that is shown now has been used to set the factor up; the next one is good before its time.
    await page.getByLabel("Code").fill(codeOf(uri, 30));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Your account" }).waitFor();
    await page.getByRole("listitem").first().waitFor();
    assert.equal(await page.locator("#otp").inputValue(), "");
  };
  await visit("/api/v1/login", signInWithCode, [refused, refused]);
});

test("an address is confirmed by the button of the page that its mail leads to, once", async () => {
  const { email } = await signUp();
  const text = await mailed(email, "Confirm your email address");
  const confirm = async (page, screenshot) => {
    await page.getByRole("heading", { name: "Confirm your address" }).waitFor();
    await screenshot("verify-email");
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.getByRole("heading", { name: "Thank you" }).waitFor();
  };
  const path = /http\S*verify-email\?token=\S+/.exec(text)[0];
  await visit(path, confirm);
  const gone = "Failed to load resource: the server responded with a status of 400 (Bad Request)";
  await visit(path, (page) => page.getByText("This link is not valid any more").waitFor(), [gone]);
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
