// Package scenarios holds the scenario files that people run, and embeds what the
// program needs of them: the catalog and the JSON Schema of scenario files.
package scenarios

import (
	"embed"
	"io/fs"
)

//go:embed catalog/*.yaml
var catalog embed.FS

//go:embed scenario.schema.json
var schema []byte

// Catalog holds a file for each kind of entry, such as chips.yaml.
func Catalog() fs.FS {
	sub, err := fs.Sub(catalog, "catalog")
	if err != nil {
		panic(err) // the embedded folder has this name
	}
	return sub
}

// Schema is the JSON Schema of scenario files.
func Schema() []byte { return append([]byte(nil), schema...) }
