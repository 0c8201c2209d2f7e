package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"sync"
)

const (
	recordHeader   = 13
	contentTypeCID = 25
	explicitNonce  = 8
)

// tap writes down the explicit nonce of each protected record that devices receive, one line each:
// device association contentType epoch sequence cid nonce digest. The digest is of the whole record: a datagram that came
// twice has one digest, a nonce that was used twice has two.
type tap struct {
	mu   sync.Mutex
	file *os.File
	out  *bufio.Writer
}

func openTap(name string) (*tap, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return &tap{file: file, out: bufio.NewWriterSize(file, 1<<16)}, nil
}

// datagram takes down its records. cidLength is the length of the receiver's own CID.
func (t *tap) datagram(device string, association uint64, cidLength int, data []byte) {
	if t == nil {
		return
	}
	for len(data) >= recordHeader {
		cid := 0
		if data[0] == contentTypeCID {
			cid = cidLength
		}
		if len(data) < recordHeader+cid {
			return
		}
		header := recordHeader + cid
		length := int(binary.BigEndian.Uint16(data[header-2:]))
		if len(data) < header+length {
			return
		}
		if epoch := binary.BigEndian.Uint16(data[3:]); epoch > 0 && length >= explicitNonce {
			t.record(device, association, epoch, cid, data[:header+length])
		}
		data = data[header+length:]
	}
}

func (t *tap) record(device string, association uint64, epoch uint16, cid int, record []byte) {
	sequence := binary.BigEndian.Uint64(record[3:]) & (1<<48 - 1)
	header := recordHeader + cid
	digest := fnv.New64a()
	digest.Write(record)
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%s %d %d %d %d %x- %x %x\n", device, association, record[0], epoch, sequence,
		record[recordHeader-2:header-2], record[header:header+explicitNonce], digest.Sum64())
}

func (t *tap) flush() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.Flush()
}
