"""Who calls the API, and what keeps a run useful.

Calls that delete the caller's account or take its rights away are part of the test, so the first administrator never
calls: it makes administrators, one after the other, as their tokens are refused.
"""

import os
import uuid

import requests
import schemathesis

API = os.environ["BASE_URL"].rstrip("/") + "/api/v1"
EMAIL = os.environ.get("ADMIN_EMAIL", "admin@example.com")
PASSWORD = "Passw0rd1"


def sign_in(name, password):
    answer = requests.post(f"{API}/token", data={"username": name, "password": password}, timeout=30)
    answer.raise_for_status()
    return {"Authorization": "Bearer " + answer.json()["access_token"]}


def sign_up(name):
    new = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
    answer = requests.post(f"{API}/users", json=new, timeout=30)
    if answer.status_code != 409:
        answer.raise_for_status()
    return answer.json().get("id")


# The user of the document's examples.
sign_up("ann")

if os.environ.get("CALLER", "admin") == "admin":
    admin = sign_in(EMAIL, os.environ["ADMIN_PASSWORD"])
    admin_id = requests.get(f"{API}/users/me", headers=admin, timeout=30).json()["id"]

    # An administrator who is refused has lost the account (401) or the rights (403).
    @schemathesis.auth(refresh_interval=600, retry_on=[401, 403]).skip_for(path="/api/v1/token")
    class Administrator:
        def get(self, case, context):
            name = "fuzz" + uuid.uuid4().hex
            user_id = sign_up(name)
            first = sign_in(EMAIL, os.environ["ADMIN_PASSWORD"])
            scopes = {"scopes": ["admin", "users:read", "users:write", "items:read", "items:write"]}
            requests.patch(f"{API}/users/{user_id}", json=scopes, headers=first, timeout=30).raise_for_status()
            return sign_in(name, PASSWORD)

        def set(self, case, data, context):
            case.headers = {**(case.headers or {}), **data}

    @schemathesis.hook
    def before_call(context, case, kwargs):
        """Spares the first administrator, without whom there would be no others."""
        if (case.path_parameters or {}).get("user_id") == admin_id:
            case.path_parameters["user_id"] = str(uuid.uuid4())


@schemathesis.hook
def map_body(context, body):
    """Gives passwords the digit and the capital that no schema can ask for; sign-ups would be refused otherwise."""
    password = body.get("password") if isinstance(body, dict) else None
    if isinstance(password, str) and len(password) >= 8:
        body["password"] = "A1" + password[2:]
    return body


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Leaves out what API Gateway refuses by itself: a request line and headers of more than 10 KB never reach the API."""
    return response.status_code != 431
