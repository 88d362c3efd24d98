// Signs in and shows the account. Tokens are kept in this module's memory alone: what scripts can read later, others
// may too.
const element = (id) => document.getElementById(id);
const [form, errorLine, messageLine] = ["form", "error", "message"].map(element);
let tokens = null;

const say = (message, error = "") => {
  messageLine.textContent = message;
  errorLine.textContent = error;
};

/** What an answer says of an error, as one sentence. */
async function sentenceOf(answer) {
  const { detail } = await answer.json().catch(() => ({}));
  if (Array.isArray(detail)) return detail.map((fault) => fault.msg).join(". ");
  return detail ?? `The service answered ${answer.status}.`;
}

const post = (path, fields) => fetch(`/api/v1/${path}`, { method: "POST", body: new URLSearchParams(fields) });

/** Refreshes the tokens, once for all calls that wait for it: a refresh token is good for one use. */
let refreshing = null;
function refresh() {
  refreshing ??= (async () => {
    const answer = await post("token/refresh", { refresh_token: tokens.refresh_token });
    if (answer.ok) tokens = await answer.json();
    return answer.ok;
  })().finally(() => (refreshing = null));
  return refreshing;
}

/** What the answer says of how to authenticate. API Gateway may rename the field. */
const challengeOf = ({ headers }) =>
  headers.get("WWW-Authenticate") ?? headers.get("x-amzn-Remapped-WWW-Authenticate") ?? "";

/** Calls the API as the user. A session that has ended leads back to the form. */
async function call(method, path) {
  const send = () =>
    fetch(`/api/v1/${path}`, { method, headers: { Authorization: `Bearer ${tokens.access_token}` } });
  // Some things may be done soon after a sign-in only (RFC 9470). The session goes on all the same.
  const isOver = (answer) =>
    answer.status === 401 && !challengeOf(answer).includes("insufficient_user_authentication");
  let answer = await send();
  if (isOver(answer) && (await refresh())) answer = await send();
  if (isOver(answer)) {
    leave("Your session has ended. Please sign in again.");
    return null;
  }
  if (!answer.ok) throw new Error(await sentenceOf(answer));
  return answer.status === 204 ? {} : answer.json();
}

/** Does something on behalf of the user, who is told if it fails. */
const attempt = async (action) => {
  say("");
  try {
    await action();
  } catch (error) {
    say("", error instanceof TypeError ? "The service can't be reached. Please try again." : error.message);
  }
};

function leave(message) {
  tokens = null;
  form.reset();
  element("second-factor").hidden = true;
  element("otp").required = false;
  element("sessions").replaceChildren();
  element("name").textContent = "";
  element("account").hidden = true;
  element("sign-in").hidden = false;
  document.title = "Sign in";
  say(message);
  element("username").focus();
}

async function signIn() {
  const fields = new FormData(form);
  if (!fields.get("otp")) fields.delete("otp");
  const answer = await post("token", fields);
  if (answer.ok) {
    tokens = await answer.json();
    form.reset();
    return enter();
  }
  const wantsCode = challengeOf(answer).includes("second_factor_required");
  if (wantsCode && element("second-factor").hidden) {
    element("second-factor").hidden = false;
    element("otp").required = true;
    say("Please enter a code of your second factor.");
    return element("otp").focus();
  }
  say("", await sentenceOf(answer));
  element(wantsCode ? "otp" : "password").select();
}

async function enter() {
  const me = await call("GET", "users/me");
  if (!me) return;
  element("name").textContent = me.username;
  element("sign-in").hidden = true;
  element("account").hidden = false;
  document.title = "Your account";
  element("account-title").focus();
  await showSessions();
}

async function showSessions() {
  const sessions = await call("GET", "users/me/sessions?limit=100");
  if (sessions) element("sessions").replaceChildren(...sessions.map(entryOf));
}

function entryOf(session) {
  const entry = document.createElement("li");
  const began = new Date(session.created_at).toLocaleString();
  const client = session.user_agent ?? "Unknown program";
  const here = session.is_current ? " (this one)" : "";
  // Programs name themselves as they like, so it is text and never markup.
  const said = document.createElement("p");
  said.textContent = `${client}, from ${session.address}, since ${began}${here}`;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "End";
  button.setAttribute("aria-label", `End the session of ${client} since ${began}${here}`);
  button.addEventListener("click", () => attempt(() => end(session)));
  entry.append(said, button);
  return entry;
}

async function end(session) {
  if (!(await call("DELETE", `users/me/sessions/${encodeURIComponent(session.id)}`))) return;
  if (session.is_current) return leave("You are signed out.");
  await showSessions();
  say("The session has ended.");
  element("account-title").focus();
}

async function signOut() {
  const answer = await post("token/revoke", { token: tokens.refresh_token });
  if (!answer.ok) throw new Error(await sentenceOf(answer));
  leave("You are signed out.");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(signIn);
});
element("sign-out").addEventListener("click", () => attempt(signOut));
element("username").focus();
