package coap

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func TestMessagesAreReadAndWritten(t *testing.T) {
	for name, octets := range map[string]string{
		"GET temperature, RFC 7252 appendix A":     "40017d34bb74656d7065726174757265",
		"2.05 with a payload, RFC 7252 appendix A": "60457d34ff32322e332043",
		"POST rd?ep=a, link format":                "440200010a0b0c0db27264" + "1128" + "3465703d61" + "ff3c2f3e",
		"an option of 300 bytes and one above 268": "40010002" + "be" + "001f" + strings.Repeat("61", 300) + "e100" + "0062",
		"an empty acknowledgement":                 "60000001",
	} {
		data, err := hex.DecodeString(octets)
		if err != nil {
			t.Fatal(err)
		}
		message, err := Parse(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if again := message.Marshal(); !bytes.Equal(again, data) {
			t.Errorf("%s: %x became %x", name, data, again)
		}
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	for _, octets := range []string{"", "40", "00010001", "49010001000000000000000000", "40010001ff", "400100010d", "40010001f0", "4001000105", "6000000100"} {
		data, _ := hex.DecodeString(octets)
		if _, err := Parse(data); err == nil {
			t.Errorf("%s was accepted", octets)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{0x40, 1, 0, 1, 0xbd, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		if message, err := Parse(data); err == nil {
			if _, err := Parse(message.Marshal()); err != nil {
				t.Errorf("%x is read, but not what is written of it", data)
			}
		}
	})
}
