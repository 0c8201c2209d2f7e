package main

import "encoding/binary"

const (
	recordHeader   = 13
	contentTypeCID = 25
	explicitNonce  = 8
)

// dtlsRecord is one record of a datagram (RFC 6347 §4.1, RFC 9146 §4).
type dtlsRecord struct {
	bytes []byte // with its header
	cid   []byte // empty without one
	body  []byte
}

func (r dtlsRecord) contentType() byte { return r.bytes[0] }
func (r dtlsRecord) epoch() uint16     { return binary.BigEndian.Uint16(r.bytes[3:]) }
func (r dtlsRecord) sequence() uint64  { return binary.BigEndian.Uint64(r.bytes[3:]) & (1<<48 - 1) }

// recordsOf splits a datagram, as far as it is intact. cidLength is the length of the receiver's own CID.
func recordsOf(data []byte, cidLength int) []dtlsRecord {
	var records []dtlsRecord
	for len(data) >= recordHeader {
		header := recordHeader
		if data[0] == contentTypeCID {
			header += cidLength
		}
		if len(data) < header {
			break
		}
		length := int(binary.BigEndian.Uint16(data[header-2:]))
		if len(data) < header+length {
			break
		}
		records = append(records, dtlsRecord{data[:header+length], data[recordHeader-2 : header-2], data[header : header+length]})
		data = data[header+length:]
	}
	return records
}
