package result

import _ "embed"

//go:generate go test -run TestSchemaIsUpToDate -update .

//go:embed result.schema.json
var schema []byte

// Schema is the JSON Schema of result.json.
func Schema() []byte { return append([]byte(nil), schema...) }
