#!/usr/bin/env bash
# Signs a person in to Signet from a terminal, by the device flow (RFC 8628), and keeps the tokens. Needs curl and jq.
#
#   sign-in.sh         shows a link and a code, and waits until they are confirmed in a browser
#   sign-in.sh token   prints an access token that is good now
#   sign-in.sh me      prints who is signed in
#   sign-in.sh out     signs out
#
# Secrets travel through pipes and a file that only its owner reads, never through arguments, which `ps` shows to
# everyone.
set -euo pipefail
umask 077

signet=${SIGNET_URL:-http://localhost:3000}
signet=${signet%/}
client=${SIGNET_CLIENT_ID:-signet}
scope='openid profile email'
folder=${XDG_CONFIG_HOME:-$HOME/.config}/signet-cli
file=$folder/tokens.json

die () {
  printf 'sign-in: %s\n' "$*" >&2
  exit 1
}

# Sends the form on stdin to a path of Signet, and prints the answer, whatever its status.
post () {
  curl --silent --show-error --max-time 30 --header 'Accept: application/json' --data @- "$signet$1"
}

# What a token endpoint's answer on stdin means: "ok", or the error's name.
outcome () {
  jq -r 'if .access_token then "ok" else .error // "unknown" end' 2>/dev/null || echo 'not JSON'
}

# The words of a refusal on stdin.
words () {
  jq -r '.error_description // .error // empty' 2>/dev/null || true
}

# Keeps the token response on stdin. The file is replaced as a whole: another sign-in.sh never reads half of it.
save () {
  mkdir -p "$folder"
  local new
  new=$(mktemp "$folder/tokens.XXXXXX")
  if ! jq --arg signet "$signet" --arg client "$client" \
    '{signet: $signet, client_id: $client, access_token, refresh_token, expires_at: (now + .expires_in | floor)}' \
    > "$new"; then
    rm -f "$new"
    die 'The tokens could not be kept.'
  fi
  mv -f "$new" "$file"
}

# Tokens go to no server but the one that they came from.
need_tokens () {
  [ -f "$file" ] || die "You are not signed in. Run: $0"
  local from
  from=$(jq -r .signet "$file")
  [ "$from" = "$signet" ] || die "You are signed in to $from, not to $signet. Set SIGNET_URL, or run: $0"
}

sign_in () {
  local grant interval answer
  grant=$(jq -rn --arg client "$client" --arg scope "$scope" '@uri "client_id=\($client)&scope=\($scope)"' |
    post /oauth2/device_authorization) || die "$signet does not answer."
  [ -n "$(jq -r '.device_code // empty' <<< "$grant" 2>/dev/null)" ] ||
    die "$signet starts no sign-in. $(words <<< "$grant")"
  jq -r '"Open \(.verification_uri_complete // .verification_uri)\nand check that it shows the code \(.user_code)"' \
    <<< "$grant"

  interval=$(jq -r '.interval // 5' <<< "$grant")
  local -r ends=$((SECONDS + $(jq -r .expires_in <<< "$grant")))
  while :; do
    sleep "$interval"
    [ "$SECONDS" -lt "$ends" ] || die 'The code has expired. Start again.'
    if ! answer=$(jq -r --arg client "$client" --arg type urn:ietf:params:oauth:grant-type:device_code \
      '@uri "grant_type=\($type)&client_id=\($client)&device_code=\(.device_code)"' <<< "$grant" |
      post /oauth2/token); then
      # RFC 8628 section 3.5: a server that does not answer is asked less often.
      interval=$((interval * 2))
      continue
    fi
    case $(outcome <<< "$answer") in
      ok) break ;;
      authorization_pending) ;;
      slow_down) interval=$((interval + 5)) ;;
      access_denied) die 'The person in the browser said no.' ;;
      expired_token) die 'The code has expired. Start again.' ;;
      *) die "$signet answered with an error. $(words <<< "$answer")" ;;
    esac
  done
  # The session before this one, if there is one, is not left behind.
  [ ! -f "$file" ] || (sign_out) > /dev/null 2>&1 || true
  save <<< "$answer"
  echo 'You are signed in.'
}

# Makes the kept access token one that is good for ten more seconds at least.
refresh () {
  need_tokens
  [ "$(jq -r '.expires_at - 10 > now' "$file")" = true ] && return
  local answer error
  answer=$(jq -r '@uri "grant_type=refresh_token&client_id=\(.client_id)&refresh_token=\(.refresh_token)"' "$file" |
    post /oauth2/token) || die "$signet does not answer."
  error=$(outcome <<< "$answer")
  case $error in
    ok) client=$(jq -r .client_id "$file"); save <<< "$answer" ;;
    invalid_grant) rm -f "$file"; die "The session has ended. $(words <<< "$answer") Run: $0" ;;
    *) die "$signet does not refresh the session ($error). $(words <<< "$answer")" ;;
  esac
}

show_me () {
  refresh
  jq -r '"header = \"Authorization: Bearer \(.access_token)\""' "$file" |
    curl --silent --show-error --fail --max-time 30 --config - "$signet/me" | jq . ||
    die "$signet did not say who you are."
}

sign_out () {
  need_tokens
  local answer
  answer=$(jq -r '@uri "token_type_hint=refresh_token&client_id=\(.client_id)&token=\(.refresh_token)"' "$file" |
    post /oauth2/revoke) || die "$signet does not answer: you are still signed in."
  [ -z "$(words <<< "$answer")" ] || die "$signet does not sign you out. $(words <<< "$answer")"
  rm -f "$file"
  echo 'You are signed out.'
}

for tool in curl jq; do
  command -v "$tool" > /dev/null || die "This needs $tool."
done

case ${1-} in
  '') sign_in ;;
  token) refresh; jq -r .access_token "$file" ;;
  me) show_me ;;
  out) sign_out ;;
  *) die "Usage: $0 [token | me | out]" ;;
esac
