package main

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"os"
	"sync"
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

// record takes down one that is protected.
func (t *tap) record(device string, association uint64, record dtlsRecord) {
	if t == nil || record.epoch() == 0 || len(record.body) < explicitNonce {
		return
	}
	digest := fnv.New64a()
	digest.Write(record.bytes)
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%s %d %d %d %d %x- %x %x\n", device, association, record.contentType(), record.epoch(), record.sequence(),
		record.cid, record.body[:explicitNonce], digest.Sum64())
}

func (t *tap) flush() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.Flush()
}
