package main

import (
	"bufio"
	"encoding/json"
	"os"
	"sync"
)

// entry is a notification that the server acknowledged: it must not be lost from then on.
type entry struct {
	Endpoint      string `json:"endpoint"`
	Path          string `json:"path"`
	Value         int64  `json:"value"`
	Observe       uint32 `json:"observe"`
	TokenHex      string `json:"tokenHex"`
	MessageID     uint16 `json:"messageId"`
	Transmissions int    `json:"transmissions"`
	SentMs        int64  `json:"sentMs"`
	AckedMs       int64  `json:"ackedMs"`
}

// ledger writes entries as JSON lines.
type ledger struct {
	mu  sync.Mutex
	out *bufio.Writer
}

func openLedger(name string) (*ledger, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return &ledger{out: bufio.NewWriterSize(file, 1<<16)}, nil
}

func (l *ledger) add(one entry) {
	if l == nil {
		return
	}
	line, _ := json.Marshal(one)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.out.Write(append(line, '\n'))
}

func (l *ledger) flush() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Flush()
}
