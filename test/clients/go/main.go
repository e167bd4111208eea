// Signs in with x/oauth2 and PKCE, and verifies the ID token with go-oidc, which expects RS256 as it comes.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"

	"github.com/coreos/go-oidc"
	"golang.org/x/oauth2"
)

func main() {
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, os.Getenv("ISSUER"))
	check(err)
	config := oauth2.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		Endpoint:     provider.Endpoint(),
		RedirectURL:  os.Getenv("REDIRECT_URI"),
		Scopes:       []string{oidc.ScopeOpenID, "profile", "email"},
	}

	state, nonce, verifier := random(), random(), random()
	challenge := sha256.Sum256([]byte(verifier))
	fmt.Println(config.AuthCodeURL(state, oidc.Nonce(nonce),
		oauth2.SetAuthURLParam("code_challenge", base64.RawURLEncoding.EncodeToString(challenge[:])),
		oauth2.SetAuthURLParam("code_challenge_method", "S256"),
		oauth2.SetAuthURLParam("provider", "github")))
	line, _, err := bufio.NewReader(os.Stdin).ReadLine()
	check(err)
	back, err := url.Parse(string(line))
	check(err)
	if back.Query().Get("state") != state {
		log.Fatal("another state")
	}
	token, err := config.Exchange(ctx, back.Query().Get("code"), oauth2.SetAuthURLParam("code_verifier", verifier))
	check(err)

	rawIDToken, _ := token.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, rawIDToken)
	check(err)
	check(idToken.VerifyAccessToken(token.AccessToken))
	if idToken.Nonce != nonce {
		log.Fatal("another nonce")
	}
	userInfo, err := provider.UserInfo(ctx, config.TokenSource(ctx, token))
	check(err)

	refreshed, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(map[string]string{
		"subject":      idToken.Subject,
		"userInfo":     userInfo.Subject,
		"email":        userInfo.Email,
		"access_token": refreshed.AccessToken,
	}))
}

func random() string {
	bytes := make([]byte, 32)
	_, err := rand.Read(bytes)
	check(err)
	return base64.RawURLEncoding.EncodeToString(bytes)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
