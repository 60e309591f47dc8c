package dist

import (
	"encoding/json"
	"runtime/debug"
	"slices"
	"strings"
)

// The parts of CycloneDX 1.6 that are used (ECMA-424).
type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Materials is the bill of materials of a binary, CycloneDX 1.6 as JSON: its modules
// with their versions and checksums (as in go.sum), the Go toolchain, and how it was
// built. It says the same for the same binary. version names the binary itself.
func Materials(info *debug.BuildInfo, version string) ([]byte, error) {
	main := module(info.Main.Path, version, "")
	main.Type = "application"
	for _, s := range info.Settings {
		main.Properties = append(main.Properties, property{"go:build:" + strings.TrimPrefix(s.Key, "-"), s.Value})
	}
	out := bom{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{main}, Components: []component{}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out.Components = append(out.Components, module(m.Path, m.Version, m.Sum))
	}
	out.Components = append(out.Components, module("std", strings.TrimPrefix(info.GoVersion, "go"), ""))
	slices.SortFunc(out.Components, func(a, b component) int { return strings.Compare(a.PURL, b.PURL) })
	b, err := json.MarshalIndent(out, "", "  ")
	return append(b, '\n'), err
}

func module(path, version, sum string) component {
	purl := "pkg:golang/" + path + "@" + version
	c := component{Type: "library", Ref: purl, Name: path, Version: version, PURL: purl}
	if sum != "" {
		c.Properties = []property{{"go:sum", sum}}
	}
	return c
}
