// The README's session, made by a client that is generated from openapi.json. What the document promises is held twice:
// by the compiler, which reads only the document, and by the assertions, which see the answers.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Item = components["schemas"]["ItemView"];
type Fault = components["schemas"]["ValidationError"];

const baseUrl = process.env["BASE_URL"] ?? "http://127.0.0.1:8000";
const client = createClient<paths>({ baseUrl });
// Names of its own for every run, so that it can be repeated with the same data.
const run = randomUUID().replaceAll("-", "").slice(0, 12);
const username = `ann${run}`;
const password = "Passw0rd1";
const missing = "00000000-0000-7000-8000-000000000000";

const session = {
  signUp,
  signIn,
  readMe,
  createItem,
  listItems,
  showFaults,
  createOnce,
  readUnchanged,
  changeKnownState,
  followPages,
  showMissing,
  showProblems,
};
for (const [name, step] of Object.entries(session)) {
  await step();
  console.log(`ok ${name}`);
}

async function signUp(): Promise<void> {
  const { data, response } = await client.POST("/api/v1/users", {
    body: { email: `${username}@example.com`, username, password },
  });
  assert.equal(response.status, 201);
  // Where sign-in is hardened it is 202, and a mail tells how to go on.
  assert.ok(data && "username" in data);
  assert.equal(data.username, username);
  assert.equal(data.full_name, null);
  assert.equal(response.headers.get("Location"), `/api/v1/users/${data.id}`);
}

async function signIn(): Promise<void> {
  const { data } = await client.POST("/api/v1/token", {
    body: { username, password },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    bodySerializer: (form) => new URLSearchParams(Object.entries(form).map(([name, value]) => [name, String(value)])),
  });
  assert.equal(data?.token_type, "bearer");
  assert.ok(data.expires_in > 0);
  const token = data.access_token;
  const authenticate: Middleware = {
    onRequest: ({ request }) => request.headers.set("Authorization", `Bearer ${token}`),
  };
  client.use(authenticate);
}

async function readMe(): Promise<void> {
  const { data, response } = await client.GET("/api/v1/users/me");
  assert.equal(data?.email, `${username}@example.com`);
  assert.deepEqual(data.scopes, ["users:read", "users:write", "items:read", "items:write"]);
  assert.ok(response.headers.get("X-Request-ID"));
}

async function createItem(): Promise<void> {
  const { data, response } = await client.POST("/api/v1/items", {
    body: { name: "Red widget", price: 9.5, tags: [`red${run}`, "new"] },
  });
  assert.equal(response.status, 201);
  assert.ok(data);
  const { data: found } = await client.GET("/api/v1/items/{item_id}", { params: { path: { item_id: data.id } } });
  assert.deepEqual(found, data);
  assert.equal(found?.price, 9.5);
}

async function listItems(): Promise<void> {
  const { data } = await client.GET("/api/v1/items", { params: { query: { q: "wid", tags: [`red${run}`] } } });
  assert.deepEqual(data?.map((item: Item) => item.name), ["Red widget"]);
}

async function showFaults(): Promise<void> {
  const { error, response } = await client.POST("/api/v1/items", {
    // @ts-expect-error The document does not let these pass: no name, and a tag that is no text.
    body: { price: -1, tags: ["red", 5] },
  });
  assert.equal(response.status, 422);
  assert.ok(error && Array.isArray(error.detail));
  const faults: Fault[] = error.detail;
  const found = faults.map(({ type, loc }) => `${type} at ${loc.join(".")}`);
  assert.deepEqual(found, [
    "missing at body.name",
    "greater_than at body.price",
    "string_type at body.tags.1",
  ]);
  assert.deepEqual(faults[1]?.ctx, { gt: 0 });
}

async function createOnce(): Promise<void> {
  const send = () =>
    client.POST("/api/v1/items", {
      params: { header: { "Idempotency-Key": `blue${run}` } },
      body: { name: "Blue widget", price: 12, tags: [`blue${run}`] },
    });
  const first = await send();
  const second = await send();
  assert.deepEqual([first.response.status, second.response.status], [201, 201]);
  assert.equal(first.response.headers.get("Idempotent-Replayed"), null);
  assert.equal(second.response.headers.get("Idempotent-Replayed"), "true");
  assert.ok(first.data);
  assert.equal(second.data?.id, first.data.id);
  const { data: found } = await client.GET("/api/v1/items", { params: { query: { tags: [`blue${run}`] } } });
  assert.deepEqual(found?.map((item: Item) => item.id), [first.data.id]);
}

async function readUnchanged(): Promise<void> {
  const { id, tag } = await createTagged("Green widget");
  const { data, response } = await client.GET("/api/v1/items/{item_id}", {
    params: { path: { item_id: id }, header: { "If-None-Match": tag } },
  });
  assert.equal(response.status, 304);
  assert.equal(response.headers.get("ETag"), tag);
  assert.ok(!data);
}

async function changeKnownState(): Promise<void> {
  const { id, tag } = await createTagged("Grey widget");
  const change = (price: number) =>
    client.PATCH("/api/v1/items/{item_id}", {
      params: { path: { item_id: id }, header: { "If-Match": tag } },
      body: { price },
    });
  const first = await change(2);
  assert.equal(first.response.status, 200);
  assert.equal(first.data?.price, 2);
  assert.notEqual(first.response.headers.get("ETag"), tag);
  const second = await change(3);
  assert.equal(second.response.status, 412);
  assert.equal(second.error?.detail, "The resource is not in the state that the request is made for");
}

/** Creates an item, and gives its id and the `ETag` of its first state. */
async function createTagged(name: string): Promise<{ id: string; tag: string }> {
  const { data, response } = await client.POST("/api/v1/items", { body: { name, price: 1 } });
  const tag = response.headers.get("ETag");
  assert.ok(data && tag);
  return { id: data.id, tag };
}

async function followPages(): Promise<void> {
  const tag = `page${run}`;
  for (const name of ["First", "Second", "Third"]) {
    await client.POST("/api/v1/items", { body: { name, price: 1, tags: [tag] } });
  }
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const { data, response } = await client.GET("/api/v1/items", {
      params: { query: { tags: [tag], limit: 2, ...(cursor === undefined ? {} : { cursor }) } },
    });
    assert.ok(data);
    names.push(...data.map((item) => item.name));
    cursor = nextCursor(response.headers.get("Link"));
  } while (cursor !== undefined);
  assert.deepEqual(names, ["First", "Second", "Third"]);
}

/** The cursor of a list's next page, from its `Link` header (RFC 8288). */
function nextCursor(link: string | null): string | undefined {
  const address = link?.match(/<([^>]*)>; rel="next"/)?.[1];
  return address === undefined ? undefined : (new URL(address, baseUrl).searchParams.get("cursor") ?? undefined);
}

async function showMissing(): Promise<void> {
  const { error, response } = await client.GET("/api/v1/items/{item_id}", { params: { path: { item_id: missing } } });
  assert.equal(response.status, 404);
  assert.equal(error?.detail, "Item not found");
}

async function showProblems(): Promise<void> {
  const accept = "application/problem+json";
  // The second type argument chooses the answers' form, so the compiler knows the members of problem details only.
  const problems = createClient<paths, typeof accept>({ baseUrl, headers: { Accept: accept } });
  const { error, response } = await problems.GET("/api/v1/items/{item_id}", {
    params: { path: { item_id: missing } },
  });
  assert.equal(response.headers.get("Content-Type"), accept);
  // A path that is not valid would get its faults as `errors`; this one is valid and names nothing.
  assert.ok(error && !("errors" in error));
  const shown: { type: string; title: string; status: number; detail: string } = error;
  assert.deepEqual(shown, { type: "about:blank", title: "Not Found", status: 404, detail: "Item not found" });
}
