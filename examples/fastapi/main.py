"""A service of your own in Python. It verifies Signet's access tokens with the published keys (RFC 9068)."""
import json
import os
import time
from threading import Lock
from typing import Any, Dict, Optional
from urllib.request import urlopen

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

ISSUER = os.environ.get("ISSUER", "http://localhost:3000")
AUDIENCE = os.environ.get("AUDIENCE", ISSUER)
ALLOWED_ORIGINS = os.environ.get("ALLOWED_ORIGINS", "http://localhost:5173").split(",")
REQUIRED = ["iss", "aud", "exp", "iat", "sub", "jti", "client_id"]

Claims = Dict[str, Any]


class KeySet:
    """The published keys, by their id. Fetched every five minutes, and for an unknown id at most every ten seconds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: Dict[str, Any] = {}
        self.fetched_at = float("-inf")
        self.lock = Lock()

    def find(self, kid: Any) -> Optional[Any]:
        """The algorithm and the key. Raises OSError or ValueError when the keys cannot be fetched."""
        with self.lock:
            age = time.monotonic() - self.fetched_at
            if age > (300 if kid in self.keys else 10):
                with urlopen(self.url, timeout=5) as response:
                    published = json.load(response)["keys"]
                self.keys = {key["kid"]: (key["alg"], jwt.PyJWK(key).key) for key in published}
                self.fetched_at = time.monotonic()
            return self.keys.get(kid)


key_set = KeySet(f"{ISSUER}/.well-known/jwks.json")


def unauthorized(description: str = "") -> HTTPException:
    """401 with the challenge of RFC 6750 section 3: without a token it names no error."""
    error = f', error="invalid_token", error_description="{description}"' if description else ""
    headers = {"WWW-Authenticate": f'Bearer realm="notes"{error}'}
    return HTTPException(401, description or "An access token is required.", headers)


def read_claims(credentials: Optional[HTTPAuthorizationCredentials] = Depends(HTTPBearer(auto_error=False))) -> Claims:
    """The claims of a valid access token. 401 for any other, 503 while the keys cannot be fetched."""
    if credentials is None:
        raise unauthorized()
    token = credentials.credentials
    try:
        header = jwt.get_unverified_header(token)
        # An ID token has the same issuer and the same keys; its type is another.
        found = key_set.find(header.get("kid")) if header.get("typ") == "at+jwt" else None
        if found is None:
            raise unauthorized("The access token is not valid.")
        algorithm, key = found
        options = {"require": REQUIRED}
        return jwt.decode(token, key, [algorithm], options, issuer=ISSUER, audience=AUDIENCE, leeway=5)
    except jwt.ExpiredSignatureError as error:
        raise unauthorized("The access token has expired.") from error
    except jwt.PyJWTError as error:
        raise unauthorized("The access token is not valid.") from error
    except (OSError, ValueError, KeyError) as error:
        raise HTTPException(503, "Access tokens cannot be verified right now.") from error


def require_admin(claims: Claims = Depends(read_claims)) -> Claims:
    """403 unless the token has the role `admin`."""
    if "admin" not in claims.get("roles", []):
        challenge = 'Bearer realm="notes", error="insufficient_scope"'
        raise HTTPException(403, "This needs the role admin.", {"WWW-Authenticate": challenge})
    return claims


app = FastAPI(title="Notes")
# Pages of these origins may call it, and read why a token was refused.
app.add_middleware(
    CORSMiddleware,
    allow_origins=ALLOWED_ORIGINS,
    allow_methods=["GET"],
    allow_headers=["authorization"],
    expose_headers=["www-authenticate"],
)


# Plain functions, not `async`: FastAPI runs them in threads, where fetching the keys holds nobody up.
@app.get("/notes")
def notes(claims: Claims = Depends(read_claims)) -> Claims:
    return {"owner": claims["sub"], "notes": ["Buy milk"]}


@app.get("/admin")
def admin(claims: Claims = Depends(require_admin)) -> Claims:
    return {"administrator": claims["sub"]}
