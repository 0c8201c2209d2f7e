package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"lwm2m.cluster/pion-fleet/coap"
)

// Content-Formats (IANA CoAP registry).
const (
	formatText      = 0
	formatLink      = 40
	formatSenMLJSON = 110
	formatSenMLCBOR = 112
	formatTLV       = 11_542
)

// resources of a device, by path: a string or an integer each.
type resources map[string]any

func (r resources) under(path string) []string {
	var paths []string
	for candidate := range r {
		if candidate == path || strings.HasPrefix(candidate, path+"/") {
			paths = append(paths, candidate)
		}
	}
	sort.Strings(paths)
	return paths
}

// links of the object instances (OMA LwM2M Core 1.1 §6.2.1).
func (r resources) links() string {
	instances := map[string]bool{}
	for path := range r {
		instances[path[:strings.LastIndex(path, "/")]] = true
	}
	list := []string{`</>;rt="oma.lwm2m";ct=112`}
	for instance := range instances {
		list = append(list, "<"+instance+">")
	}
	sort.Strings(list[1:])
	return strings.Join(list, ",")
}

// read encodes what is at the path. The code is 2.05, 4.04 or 4.06.
func (r resources) read(path string, accept uint32) (byte, []byte) {
	paths := r.under(path)
	switch {
	case len(paths) == 0:
		return coap.NotFound, nil
	case accept == formatLink:
		return coap.Content, []byte("<" + strings.Join(paths, ">,<") + ">")
	case accept == formatSenMLCBOR:
		return coap.Content, r.senmlCBOR(paths)
	case accept == formatSenMLJSON:
		return coap.Content, r.senmlJSON(paths)
	case accept == formatTLV && strings.Count(path, "/") >= 2:
		return coap.Content, r.tlv(paths)
	case accept == formatText && strings.Count(path, "/") == 3:
		return coap.Content, []byte(fmt.Sprint(r[path]))
	default:
		return coap.NotAcceptable, nil
	}
}

// RFC 8428 §5.
func (r resources) senmlJSON(paths []string) []byte {
	pack := make([]map[string]any, len(paths))
	for i, path := range paths {
		label := "v"
		if _, isText := r[path].(string); isText {
			label = "vs"
		}
		pack[i] = map[string]any{"n": path, label: r[path]}
	}
	data, _ := json.Marshal(pack)
	return data
}

// RFC 8428 §6: labels 0 (name), 2 (value), 3 (string value).
func (r resources) senmlCBOR(paths []string) []byte {
	out := head(4, uint64(len(paths)))
	for _, path := range paths {
		out = append(out, 0xa2, 0x00)
		out = append(append(out, head(3, uint64(len(path)))...), path...)
		switch value := r[path].(type) {
		case string:
			out = append(append(append(out, 0x03), head(3, uint64(len(value)))...), value...)
		case int64:
			out = binary.BigEndian.AppendUint64(append(out, 0x02, 0xfb), math.Float64bits(float64(value)))
		}
	}
	return out
}

// head of a CBOR item (RFC 8949 §3).
func head(major byte, argument uint64) []byte {
	switch {
	case argument < 24:
		return []byte{major<<5 | byte(argument)}
	case argument < 1<<8:
		return []byte{major<<5 | 24, byte(argument)}
	default:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(argument))
	}
}

// OMA LwM2M Core 1.1 §7.4.4: resources with value; numbers as 64-bit floats.
func (r resources) tlv(paths []string) []byte {
	var out []byte
	for _, path := range paths {
		value := []byte(fmt.Sprint(r[path]))
		if number, ok := r[path].(int64); ok {
			value = binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(number)))
		}
		id, _ := strconv.Atoi(path[strings.LastIndex(path, "/")+1:])
		kind, name := byte(0b1100_0000), []byte{byte(id)}
		if id > 255 {
			kind, name = kind|0b10_0000, binary.BigEndian.AppendUint16(nil, uint16(id))
		}
		if len(value) < 8 {
			out = append(append(out, kind|byte(len(value))), name...)
		} else {
			out = append(append(append(out, kind|0b1000), name...), byte(len(value)))
		}
		out = append(out, value...)
	}
	return out
}
