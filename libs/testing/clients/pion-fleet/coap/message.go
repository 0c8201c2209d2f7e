// Package coap is a small strict codec of CoAP messages over UDP (RFC 7252 §3), for test devices.
package coap

import (
	"encoding/binary"
	"errors"
)

// Message types (RFC 7252 §3).
const (
	Confirmable    = 0
	NonConfirmable = 1
	Acknowledgment = 2
	Reset          = 3
)

// Codes, as class * 32 + detail (RFC 7252 §12.1).
const (
	Empty            = 0
	GET              = 1
	POST             = 2
	PUT              = 3
	DELETE           = 4
	Created          = 2<<5 | 1
	Deleted          = 2<<5 | 2
	Changed          = 2<<5 | 4
	Content          = 2<<5 | 5
	BadRequest       = 4 << 5
	NotFound         = 4<<5 | 4
	MethodNotAllowed = 4<<5 | 5
	NotAcceptable    = 4<<5 | 6
	Unavailable      = 5<<5 | 3
)

// Option numbers (RFC 7252 §12.2, RFC 7641 §2).
const (
	Observe       = 6
	LocationPath  = 8
	URIPath       = 11
	ContentFormat = 12
	MaxAge        = 14
	URIQuery      = 15
	Accept        = 17
)

// ErrMalformed is what Parse says of anything that is not a CoAP message.
var ErrMalformed = errors.New("not a CoAP message")

// Option is one option. A message holds them in ascending order of their numbers.
type Option struct {
	Number uint16
	Value  []byte
}

// Message is one CoAP message.
type Message struct {
	Type    byte
	Code    byte
	ID      uint16
	Token   []byte
	Options []Option
	Payload []byte
}

// Uint returns an option's value as an unsigned integer (RFC 7252 §3.2).
func (m *Message) Uint(number uint16) (uint32, bool) {
	for _, option := range m.Options {
		if option.Number == number && len(option.Value) <= 4 {
			value := uint32(0)
			for _, octet := range option.Value {
				value = value<<8 | uint32(octet)
			}
			return value, true
		}
	}
	return 0, false
}

// Strings returns the values of a repeatable option.
func (m *Message) Strings(number uint16) []string {
	var values []string
	for _, option := range m.Options {
		if option.Number == number {
			values = append(values, string(option.Value))
		}
	}
	return values
}

// IsRequest tells whether the code is a method.
func (m *Message) IsRequest() bool { return m.Code > 0 && m.Code < 32 }

// IsResponse tells whether the code is a response's.
func (m *Message) IsResponse() bool { return m.Code >= 64 }

// UintOption makes an option of an unsigned integer in its shortest form.
func UintOption(number uint16, value uint32) Option {
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], value)
	first := 0
	for first < 4 && octets[first] == 0 {
		first++
	}
	return Option{number, append([]byte{}, octets[first:]...)}
}

// StringOptions makes one option of each value.
func StringOptions(number uint16, values ...string) []Option {
	options := make([]Option, 0, len(values))
	for _, value := range values {
		options = append(options, Option{number, []byte(value)})
	}
	return options
}

// Marshal gives the message's bytes.
func (m *Message) Marshal() []byte {
	out := make([]byte, 4, 64)
	out[0] = 1<<6 | m.Type<<4 | byte(len(m.Token))
	out[1] = m.Code
	binary.BigEndian.PutUint16(out[2:], m.ID)
	out = append(out, m.Token...)
	last := uint16(0)
	for _, option := range m.Options {
		delta, deltaBytes := nibble(int(option.Number - last))
		length, lengthBytes := nibble(len(option.Value))
		out = append(out, delta<<4|length)
		out = append(append(append(out, deltaBytes...), lengthBytes...), option.Value...)
		last = option.Number
	}
	if len(m.Payload) > 0 {
		out = append(append(out, 0xff), m.Payload...)
	}
	return out
}

// RFC 7252 §3.1: 13 and 14 announce one and two bytes more.
func nibble(value int) (byte, []byte) {
	switch {
	case value < 13:
		return byte(value), nil
	case value < 269:
		return 13, []byte{byte(value - 13)}
	default:
		return 14, []byte{byte((value - 269) >> 8), byte(value - 269)}
	}
}

// Parse reads a message. Token, options and payload are parts of the data.
func Parse(data []byte) (*Message, error) {
	if len(data) < 4 || data[0]>>6 != 1 {
		return nil, ErrMalformed
	}
	tokenLength := int(data[0] & 0x0f)
	m := &Message{Type: data[0] >> 4 & 3, Code: data[1], ID: binary.BigEndian.Uint16(data[2:])}
	if tokenLength > 8 || len(data) < 4+tokenLength || (m.Code == Empty && len(data) != 4) {
		return nil, ErrMalformed
	}
	m.Token = data[4 : 4+tokenLength]
	return m, m.parseOptions(data[4+tokenLength:])
}

func (m *Message) parseOptions(rest []byte) error {
	number := 0
	for len(rest) > 0 {
		if rest[0] == 0xff {
			if len(rest) == 1 {
				return ErrMalformed // RFC 7252 §3: a marker without a payload
			}
			m.Payload = rest[1:]
			return nil
		}
		delta, length := int(rest[0]>>4), int(rest[0]&0x0f)
		rest = rest[1:]
		var ok bool
		if delta, rest, ok = extended(delta, rest); !ok {
			return ErrMalformed
		}
		if length, rest, ok = extended(length, rest); !ok || length > len(rest) {
			return ErrMalformed
		}
		if number += delta; number > 0xffff {
			return ErrMalformed
		}
		m.Options = append(m.Options, Option{uint16(number), rest[:length]})
		rest = rest[length:]
	}
	return nil
}

func extended(nibble int, rest []byte) (int, []byte, bool) {
	switch {
	case nibble < 13:
		return nibble, rest, true
	case nibble == 13 && len(rest) >= 1:
		return int(rest[0]) + 13, rest[1:], true
	case nibble == 14 && len(rest) >= 2:
		return int(binary.BigEndian.Uint16(rest)) + 269, rest[2:], true
	default:
		return 0, rest, false
	}
}
