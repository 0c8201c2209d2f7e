package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"net"
	"strings"

	"github.com/pion/dtls/v3"
)

// Security modes (OMA LwM2M registry, object 0, resource 2).
const (
	modePSK = 0
	modeEST = 4
)

// Resources of object 0.
const (
	resourceURI         = 0
	resourceIsBootstrap = 1
	resourceMode        = 2
	resourceIdentity    = 3
	resourceServerKey   = 4
	resourceSecretKey   = 5
)

var errNoAccount = errors.New("no account that a device could use")

// account is what a device needs for one server: a pre-shared key, or a certificate.
type account struct {
	server      net.Addr
	identity    []byte
	key         []byte
	certificate *tls.Certificate
	serverCert  []byte // the only certificate that the server may show; none: any
	tried       bool   // a Register with it has left: what it replaces may be over
}

func (a *account) options() []dtls.ClientOption {
	if a.certificate == nil {
		return []dtls.ClientOption{
			dtls.WithPSK(func([]byte) ([]byte, error) { return a.key, nil }),
			dtls.WithPSKIdentityHint(a.identity),
			dtls.WithCipherSuites(dtls.TLS_PSK_WITH_AES_128_CCM_8),
		}
	}
	return []dtls.ClientOption{
		dtls.WithCertificates(*a.certificate),
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8),
		dtls.WithInsecureSkipVerify(true), // OMA Transport 1.1.1 §5.2.8.7, usage 3: the very certificate counts
		dtls.WithVerifyPeerCertificate(func(chain [][]byte, _ [][]*x509.Certificate) error {
			if len(a.serverCert) > 0 && (len(chain) == 0 || !bytes.Equal(chain[0], a.serverCert)) {
				return errors.New("the server shows another certificate")
			}
			return nil
		}),
	}
}

// same tells whether both hold the same credential.
func (a *account) same(other *account) bool {
	if a == nil || other == nil || a.certificate != other.certificate {
		return false
	}
	return bytes.Equal(a.identity, other.identity) && bytes.Equal(a.key, other.key)
}

// accountOf reads an instance of the Security object. With mode 4 its certificate is still to come.
func accountOf(security map[uint16][]byte) (*account, byte, error) {
	mode := byte(integer(security[resourceMode]))
	address, isSecure := strings.CutPrefix(string(security[resourceURI]), "coaps://")
	if !isSecure || (mode != modePSK && mode != modeEST) {
		return nil, mode, errNoAccount
	}
	server, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return nil, mode, err
	}
	if mode == modeEST {
		return &account{server: server, serverCert: security[resourceServerKey]}, mode, nil
	}
	return &account{server: server, identity: security[resourceIdentity], key: security[resourceSecretKey]}, mode, nil
}

func integer(value []byte) int64 {
	number := int64(0)
	for _, octet := range value {
		number = number<<8 | int64(octet)
	}
	return number
}

// parseTLV reads the resources of one object instance (OMA LwM2M Core 1.1 §7.4.4); others than single ones are left out.
func parseTLV(data []byte) (map[uint16][]byte, bool) {
	resources := map[uint16][]byte{}
	for len(data) > 0 {
		kind := data[0]
		idBytes, lengthBytes := 1+int(kind>>5&1), int(kind>>3&3)
		if len(data) < 1+idBytes+lengthBytes {
			return nil, false
		}
		id := uint16(integer(data[1 : 1+idBytes]))
		length := int(kind & 7)
		if lengthBytes > 0 {
			length = int(integer(data[1+idBytes : 1+idBytes+lengthBytes]))
		}
		data = data[1+idBytes+lengthBytes:]
		if length > len(data) {
			return nil, false
		}
		if kind>>6 == 0b11 {
			resources[id] = bytes.Clone(data[:length])
		}
		data = data[length:]
	}
	return resources, true
}

// tlvOf writes a short resource with an 8-bit identifier.
func tlvOf(id byte, value []byte) []byte {
	if len(value) < 8 {
		return append([]byte{0b1100_0000 | byte(len(value)), id}, value...)
	}
	return append(binary.BigEndian.AppendUint16([]byte{0b1101_0000, id}, uint16(len(value))), value...)
}
