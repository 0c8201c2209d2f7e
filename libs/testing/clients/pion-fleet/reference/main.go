// Command reference is the smallest LwM2M server on pion's DTLS that can prove the fleet: it gives each device a
// Connection ID, answers Register and Update, observes one resource of each device and acknowledges its notifications.
//
// Its argument: {"keySeed":"..","path":"/3303/0/5700","cidLength":8,"address":".."}. Events: ready with its port, report, forgotten. Commands:
// {"do":"report"}; {"do":"forget"} has the next Update of each device answered with 4.04; {"do":"read"} reads the resource
// of every device; {"do":"end"} ends all associations with close_notify. The end of stdin stops it.
package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/pion/dtls/v3"
	"lwm2m.cluster/pion-fleet/coap"
)

type settings struct {
	KeySeed   string `json:"keySeed"`
	Path      string `json:"path"`
	Address   string `json:"address"` // 127.0.0.1 unless told
	CidLength int    `json:"cidLength"`
}

type server struct {
	settings      settings
	handshakes    atomic.Int64
	registers     atomic.Int64
	updates       atomic.Int64
	deregisters   atomic.Int64
	closed        atomic.Int64
	notifications atomic.Int64
	reads         atomic.Int64
	generation    atomic.Int64
	mu            sync.Mutex
	peers         map[*peer]bool
}

type peer struct {
	server     *server
	conn       net.Conn
	generation int64
	nextID     atomic.Uint32
}

func main() {
	s := &server{peers: map[*peer]bool{}}
	if err := json.Unmarshal([]byte(os.Args[1]), &s.settings); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if s.settings.Address == "" {
		s.settings.Address = "127.0.0.1"
	}
	listener, err := dtls.ListenWithOptions("udp4", &net.UDPAddr{IP: net.ParseIP(s.settings.Address)},
		dtls.WithPSK(s.key), dtls.WithCipherSuites(dtls.TLS_PSK_WITH_AES_128_CCM_8),
		dtls.WithConnectionIDGenerator(dtls.RandomCIDGenerator(s.settings.CidLength)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	go s.accept(listener)
	emit(map[string]any{"event": "ready", "port": listener.Addr().(*net.UDPAddr).Port})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		s.obey(lines.Text())
	}
}

func (s *server) key(identity []byte) ([]byte, error) {
	mac := hmac.New(sha256.New, []byte(s.settings.KeySeed))
	mac.Write(identity)
	return mac.Sum(nil)[:16], nil
}

func (s *server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go s.serve(conn)
	}
}

func (s *server) serve(conn net.Conn) {
	p := &peer{server: s, conn: conn, generation: s.generation.Load()}
	defer conn.Close()
	defer s.remove(p)
	buffer := make([]byte, 2_048)
	for first := true; ; first = false {
		n, err := conn.Read(buffer)
		if err != nil {
			s.closed.Add(1)
			return
		}
		if first {
			s.handshakes.Add(1)
			s.mu.Lock()
			s.peers[p] = true
			s.mu.Unlock()
		}
		if message, err := coap.Parse(buffer[:n]); err == nil {
			p.onMessage(message)
		}
	}
}

func (s *server) remove(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
}

func (p *peer) onMessage(message *coap.Message) {
	switch {
	case message.IsRequest():
		p.answer(message)
	case message.Type == coap.Confirmable:
		p.server.notifications.Add(1)
		p.send(&coap.Message{Type: coap.Acknowledgment, ID: message.ID})
	case message.IsResponse():
		p.server.reads.Add(1)
	}
}

func (p *peer) answer(message *coap.Message) {
	answer := &coap.Message{Type: coap.Acknowledgment, ID: message.ID, Token: message.Token, Code: coap.Changed}
	path := message.Strings(coap.URIPath)
	switch {
	case len(path) == 1 && path[0] == "rd":
		p.generation = p.server.generation.Load()
		p.server.registers.Add(1)
		answer.Code, answer.Options = coap.Created, coap.StringOptions(coap.LocationPath, "rd", "1")
	case message.Code == coap.DELETE:
		p.server.deregisters.Add(1)
		answer.Code = coap.Deleted
	case p.generation != p.server.generation.Load():
		answer.Code = coap.NotFound
	default:
		p.server.updates.Add(1)
	}
	p.send(answer)
	if answer.Code == coap.Created {
		p.get(coap.UintOption(coap.Observe, 0))
	}
}

// get reads the resource; with an Observe option it observes it.
func (p *peer) get(options ...coap.Option) {
	id := p.nextID.Add(1)
	token := binary.BigEndian.AppendUint32(nil, id)
	options = append(options, coap.StringOptions(coap.URIPath, strings.Split(p.server.settings.Path, "/")[1:]...)...)
	options = append(options, coap.UintOption(coap.Accept, 112))
	p.send(&coap.Message{Type: coap.Confirmable, Code: coap.GET, ID: uint16(id), Token: token, Options: options})
}

func (p *peer) send(message *coap.Message) { _, _ = p.conn.Write(message.Marshal()) }

func (s *server) obey(line string) {
	switch {
	case strings.Contains(line, `"forget"`):
		s.generation.Add(1)
		emit(map[string]any{"event": "forgotten"})
	case strings.Contains(line, `"read"`):
		s.each(func(p *peer) { p.get() })
	case strings.Contains(line, `"end"`):
		s.each(func(p *peer) { _ = p.conn.Close() })
	default:
		s.report()
	}
}

func (s *server) each(call func(*peer)) {
	s.mu.Lock()
	peers := make([]*peer, 0, len(s.peers))
	for p := range s.peers {
		peers = append(peers, p)
	}
	s.mu.Unlock()
	for _, p := range peers {
		call(p)
	}
}

func (s *server) report() {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	emit(map[string]any{
		"event": "report", "handshakes": s.handshakes.Load(), "registers": s.registers.Load(), "updates": s.updates.Load(),
		"deregisters": s.deregisters.Load(), "closed": s.closed.Load(),
		"notifications": s.notifications.Load(), "reads": s.reads.Load(),
		"cpuMs": (usage.Utime.Nano() + usage.Stime.Nano()) / 1_000_000,
	})
}

func emit(event map[string]any) {
	line, _ := json.Marshal(event)
	_, _ = os.Stdout.Write(append(line, '\n'))
}
