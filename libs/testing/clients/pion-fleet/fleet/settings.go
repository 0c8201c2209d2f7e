package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// settings is the program's only argument, as JSON. Names with {n} stand for the device's number.
type settings struct {
	Server          string  `json:"server"`          // address and port of the LwM2M server
	First           int     `json:"first"`           // number of the first device
	Count           int     `json:"count"`           // how many devices
	Endpoint        string  `json:"endpoint"`        // endpoint name, e.g. "fleet-{n}"
	Identity        string  `json:"identity"`        // PSK identity; the endpoint name unless told
	KeySeed         string  `json:"keySeed"`         // key = first 16 bytes of HMAC-SHA256(seed, identity)
	CredentialsFile string  `json:"credentialsFile"` // instead: lines of {"endpoint":..,"identity":..,"keyHex":..}
	CidLength       *int    `json:"cidLength"`       // length of the device's own CID, 0 for none of its own; without it no CID at all
	MTU             int     `json:"mtu"`
	ReplayWindow    int     `json:"replayWindow"`
	LocalAddress    string  `json:"localAddress"`
	QueueMode       bool    `json:"queueMode"` // registers with Q
	LifetimeS       int     `json:"lifetimeS"`
	UpdateS         float64 `json:"updateS"` // between two Updates of a device; 0: none
	NotifyS         float64 `json:"notifyS"` // between two notifications of a device; 0: none
	Path            string  `json:"path"`    // the resource that changes
	StartPerSecond  float64 `json:"startPerSecond"`
	HandshakeS      float64 `json:"handshakeS"`  // patience for one handshake
	GiveUpAfter     int     `json:"giveUpAfter"` // exchanges without an answer before the device shakes hands again
	LedgerFile      string  `json:"ledgerFile"`
	// Bootstrap servers (address and port). With them the credentials are for bootstrapping, and what a device needs for its
	// LwM2M server comes from there.
	BootstrapServers   []string `json:"bootstrapServers"`
	BootstrapPatienceS float64  `json:"bootstrapPatienceS"` // how long a device waits for the next command of a session
	ThinkMs            float64  `json:"thinkMs"`            // a device answers such a command after so long at most
	NonceFile          string   `json:"nonceFile"`
}

type credential struct {
	Endpoint string `json:"endpoint"`
	Identity string `json:"identity"`
	KeyHex   string `json:"keyHex"`
}

func parseSettings(text string) (*settings, error) {
	s := &settings{
		Endpoint: "fleet-{n}", LocalAddress: "127.0.0.1", LifetimeS: 86_400, Path: "/3303/0/5700",
		ReplayWindow: 64, StartPerSecond: 200, HandshakeS: 60, GiveUpAfter: 3, BootstrapPatienceS: 247,
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	if s.Identity == "" {
		s.Identity = s.Endpoint
	}
	return s, nil
}

// credentials gives one for each device.
func (s *settings) credentials() ([]credential, error) {
	if s.CredentialsFile != "" {
		return readCredentials(s.CredentialsFile, s.First, s.Count)
	}
	all := make([]credential, s.Count)
	for i := range all {
		number := strconv.Itoa(s.First + i)
		identity := strings.ReplaceAll(s.Identity, "{n}", number)
		mac := hmac.New(sha256.New, []byte(s.KeySeed))
		mac.Write([]byte(identity))
		endpoint := strings.ReplaceAll(s.Endpoint, "{n}", number)
		all[i] = credential{endpoint, identity, hex.EncodeToString(mac.Sum(nil)[:16])}
	}
	return all, nil
}

func readCredentials(file string, first, count int) ([]credential, error) {
	lines, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	var all []credential
	for scanner := bufio.NewScanner(lines); scanner.Scan(); {
		var one credential
		if err := json.Unmarshal(scanner.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, one)
	}
	if len(all) < first+count {
		return nil, fmt.Errorf("%s has %d credentials, %d are needed", file, len(all), first+count)
	}
	return all[first : first+count], nil
}
