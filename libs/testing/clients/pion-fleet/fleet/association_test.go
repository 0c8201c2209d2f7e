package main

import (
	"errors"
	"testing"
)

func TestAlertOf(t *testing.T) {
	for text, want := range map[string]int{
		"handshake error: alert: Alert Fatal: AccessDenied":              49,
		"handshake error: alert: Alert Fatal: Invalid alert description": unknownPSKIdentity,
		"handshake error: context deadline exceeded":                     -1,
	} {
		if got := alertOf(errors.New(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
