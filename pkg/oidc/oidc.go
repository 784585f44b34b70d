// Package oidc lets users log in at an OpenID provider: OpenID Connect Core 1.0, by the authorization code flow with PKCE (RFC 7636).
package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"linkstart/pkg/access"
)

const (
	callTime   = 10 * time.Second
	pause      = 5 * time.Second // after a look-up that has failed
	maxAnswer  = 1 << 20         // bytes of an answer of the provider
	maxValues  = 1000            // of the claim that holds roles
	maxNameLen = 200
)

// Client talks to one provider at a time, which it looks up when it is first needed. It is safe for use by many goroutines.
type Client struct {
	http http.Client

	mu       sync.Mutex
	issuer   string
	provider *oidc.Provider
	failed   error // of the last look-up
	again    time.Time
}

// New makes a client.
func New() *Client {
	return &Client{http: http.Client{
		Timeout: callTime, Transport: bounded{http.DefaultTransport.(*http.Transport).Clone()},
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			if to.URL.Host != via[0].URL.Host || len(via) > 3 {
				return fmt.Errorf("the provider leads on to %s", to.URL.Host)
			}
			return nil
		},
	}}
}

// Close ends the connections that are kept.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// bounded keeps answers from being endless.
type bounded struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.Transport.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}

// at returns the provider of o.
func (c *Client) at(ctx context.Context, o *access.OIDC) (*oidc.Provider, *oauth2.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.provider == nil || c.issuer != o.Issuer {
		if c.failed != nil && c.issuer == o.Issuer && time.Now().Before(c.again) {
			return nil, nil, c.failed // whoever waited for the same need not wait again
		}
		p, err := oidc.NewProvider(oidc.ClientContext(ctx, &c.http), o.Issuer)
		c.provider, c.issuer, c.failed = p, o.Issuer, nil
		if err != nil {
			c.failed, c.again = fmt.Errorf("look up the OpenID provider %s: %w", o.Issuer, err), time.Now().Add(pause)
			return nil, nil, c.failed
		}
	}
	return c.provider, &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: c.provider.Endpoint(), RedirectURL: o.RedirectURL,
		Scopes: append([]string{oidc.ScopeOpenID}, o.Scopes...),
	}, nil
}

// Begin returns the address at the provider where w's user logs in.
func (c *Client) Begin(ctx context.Context, o *access.OIDC, w access.UnderWay) (string, error) {
	_, config, err := c.at(ctx, o)
	if err != nil {
		return "", err
	}
	return config.AuthCodeURL(w.State, oidc.Nonce(w.Nonce), oauth2.S256ChallengeOption(w.Verifier)), nil
}

// End returns who has logged in: his name, and the values of the claim that holds roles.
func (c *Client) End(ctx context.Context, o *access.OIDC, w access.UnderWay, code string) (name string, values []string, err error) {
	provider, config, err := c.at(ctx, o)
	if err != nil {
		return "", nil, err
	}
	ctx = oidc.ClientContext(ctx, &c.http)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(w.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) { // its text may hold what the provider has sent
			return "", nil, fmt.Errorf("exchange code: the provider answers %s %s", refused.Response.Status, refused.ErrorCode)
		}
		return "", nil, fmt.Errorf("exchange code: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", nil, errors.New("the provider has sent no ID token")
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: o.ClientID}).Verify(ctx, raw)
	if err != nil {
		return "", nil, fmt.Errorf("verify ID token: %w", err)
	}
	if id.Nonce != w.Nonce {
		return "", nil, errors.New("the ID token is of another login")
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return "", nil, fmt.Errorf("read ID token: %w", err)
	}
	if err := c.complete(ctx, provider, token, id.Subject, claims, o); err != nil {
		return "", nil, err
	}
	name, ok = claims[o.NameClaim].(string)
	if !ok || name == "" || len(name) > maxNameLen {
		return "", nil, fmt.Errorf("the provider names no user: there is no text in the claim %s", o.NameClaim)
	}
	return name, texts(claims[o.RolesClaim]), nil
}

// complete asks for what the ID token does not hold: some providers tell it only at their UserInfo endpoint.
func (c *Client) complete(ctx context.Context, p *oidc.Provider, token *oauth2.Token, subject string, claims map[string]any, o *access.OIDC) error {
	if (claims[o.NameClaim] != nil && claims[o.RolesClaim] != nil) || p.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("ask for user info: %w", err)
	}
	if info.Subject != subject {
		return errors.New("the user info is of another user")
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return fmt.Errorf("read user info: %w", err)
	}
	for _, key := range []string{o.NameClaim, o.RolesClaim} {
		if claims[key] == nil {
			claims[key] = more[key]
		}
	}
	return nil
}

// texts reads a claim that is a text or a list of them.
func texts(claim any) []string {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v[:min(len(v), maxValues)] {
			if text, ok := one.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}
