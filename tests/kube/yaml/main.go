// Command yaml says what kubectl makes of texts: how it divides them into documents, which of these
// it refuses, and the JSON of the others.
//
// A text comes as its length, four bytes with the lowest first, and its bytes. The answer is a line
// of JSON: a list with {"value": …} or {"error": …} for each document that is not empty.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// raw keeps the JSON that a document becomes, as kubectl does before it knows the kind.
type raw []byte

func (r *raw) UnmarshalJSON(text []byte) error {
	*r = append((*r)[:0], text...)
	return nil
}

type answer struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error string          `json:"error,omitempty"`
}

func main() {
	if err := serve(bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(in *bufio.Reader, out *bufio.Writer) error {
	for {
		var length uint32
		if err := binary.Read(in, binary.LittleEndian, &length); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(in, text); err != nil {
			return err
		}
		line, err := json.Marshal(read(text))
		if err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

func read(text []byte) []answer {
	// As it reads files.
	utf8 := transform.NewReader(bytes.NewReader(text), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	decoder := yaml.NewYAMLOrJSONDecoder(utf8, 4096)
	answers := []answer{}
	var before error
	for {
		value, err := next(decoder)
		switch {
		case errors.Is(err, io.EOF):
			return answers
		case err != nil:
			// Once it reads neither or JSON for good, it gives one error for ever.
			if before == err || err.Error() == "decoding failed as both JSON and YAML" {
				return answers
			}
			answers = append(answers, answer{Error: err.Error()})
		case len(value) > 0 && !bytes.Equal(value, []byte("null")):
			answers = append(answers, answer{Value: value})
		}
		before = err
	}
}

func next(decoder *yaml.YAMLOrJSONDecoder) (value json.RawMessage, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			value, err = nil, fmt.Errorf("panic: %v", fault)
		}
	}()
	var found raw
	if err := decoder.Decode(&found); err != nil {
		return nil, err
	}
	// What becomes an object afterwards must have numbers of 64 bits.
	var object any
	if trimmed := bytes.TrimSpace(found); len(trimmed) > 0 {
		if err := json.Unmarshal(trimmed, &object); err != nil {
			return nil, err
		}
		return json.Marshal(object)
	}
	return nil, nil
}
