"""Signs in with Authlib's session for requests, and verifies the ID token with Authlib, the access token with PyJWT."""
import json
import os

import jwt
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebToken
from authlib.oidc.core import CodeIDToken

issuer, client_id = os.environ["ISSUER"], os.environ["CLIENT_ID"]
nonce, verifier = generate_token(), generate_token(48)
metadata = requests.get(f"{issuer}/.well-known/openid-configuration").json()

session = OAuth2Session(
    client_id,
    os.environ["CLIENT_SECRET"],
    scope="openid profile email",
    redirect_uri=os.environ["REDIRECT_URI"],
    code_challenge_method="S256",
)
url, state = session.create_authorization_url(
    metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, provider="github"
)
print(url, flush=True)
token = session.fetch_token(
    metadata["token_endpoint"], authorization_response=input(), state=state, code_verifier=verifier
)

keys = requests.get(metadata["jwks_uri"]).json()
claims = JsonWebToken(["ES256"]).decode(
    token["id_token"],
    keys,
    claims_cls=CodeIDToken,
    claims_options={"iss": {"value": issuer}, "aud": {"value": client_id}},
    claims_params={"nonce": nonce, "client_id": client_id, "access_token": token["access_token"]},
)
claims.validate()
userinfo = session.get(metadata["userinfo_endpoint"]).json()
token = session.refresh_token(metadata["token_endpoint"])

key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token["access_token"]).key
access = jwt.decode(token["access_token"], key, algorithms=["ES256"], issuer=issuer, audience=os.environ["AUDIENCE"])
revoked = session.revoke_token(metadata["revocation_endpoint"], token["refresh_token"])
print(json.dumps({"id": dict(claims), "userinfo": userinfo, "access": access, "revoked": revoked.status_code}))
