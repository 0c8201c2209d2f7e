package main

import (
	"bytes"
	"testing"
)

func TestAccountOfSecurityInstance(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 300)
	data := append(tlvOf(resourceURI, []byte("coaps://127.0.0.1:5684")), tlvOf(resourceMode, []byte{modePSK})...)
	data = append(append(data, tlvOf(resourceIdentity, []byte("me"))...), tlvOf(resourceSecretKey, key)...)
	security, ok := parseTLV(data)
	if !ok {
		t.Fatal("not read")
	}
	account, mode, err := accountOf(security)
	if err != nil || mode != modePSK || account.server.String() != "127.0.0.1:5684" || string(account.identity) != "me" || !bytes.Equal(account.key, key) {
		t.Fatalf("%v %v %v", account, mode, err)
	}
	for cut := 1; cut < len(data); cut++ { // never beyond its end
		parseTLV(data[:cut])
	}
	if _, ok := parseTLV(data[:len(data)-1]); ok {
		t.Fatal("a value that is cut off was taken")
	}
}
