// Command gomatch says what Go makes of file patterns: the oracle for the client's own matcher.
//
// Each line of stdin is a JSON object {"patterns": [...], "path": "..."}, with bytes in base64; each line of
// stdout the answer: whether moby/patternmatcher matches the path below the directories it is in, and whether
// filepath.Match matches it with the first pattern.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
)

type question struct {
	Patterns [][]byte `json:"patterns"`
	Path     []byte   `json:"path"`
}

type answer struct {
	// Empty where the patterns are refused.
	Matched string `json:"matched"`
	Glob    string `json:"glob"`
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	answers := json.NewEncoder(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		if err := answers.Encode(answer{matched(asked), glob(asked)}); err != nil {
			panic(err)
		}
		if lines.Buffered() == 0 {
			out.Flush()
		}
	}
	out.Flush()
}

// matched decides as a walk does: each directory hands on what it has matched.
func matched(asked question) string {
	patterns := make([]string, len(asked.Patterns))
	for i, pattern := range asked.Patterns {
		patterns[i] = string(pattern)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return ""
	}
	var found bool
	var inherited patternmatcher.MatchInfo
	parts := strings.Split(string(asked.Path), "/")
	for depth := range parts {
		found, inherited, err = matcher.MatchesUsingParentResults(strings.Join(parts[:depth+1], "/"), inherited)
		if err != nil {
			return ""
		}
	}
	return said(found)
}

func glob(asked question) string {
	if len(asked.Patterns) == 0 {
		return ""
	}
	found, err := filepath.Match(string(asked.Patterns[0]), string(asked.Path))
	if err != nil {
		return ""
	}
	return said(found)
}

func said(found bool) string {
	if found {
		return "yes"
	}
	return "no"
}
