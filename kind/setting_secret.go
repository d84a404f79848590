package kind

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"belay"
)

// checkSecrets refuses settings that ask for a path or an address with a
// secret in its query: settings are shown to whoever sees the connection, and
// kept in the clear. What the value is, is not repeated.
func checkSecrets(config json.RawMessage) error {
	var settings map[string]any
	if err := json.Unmarshal(config, &settings); err != nil {
		return belay.Invalid("/metadata", "is not a JSON object")
	}
	var fields []belay.Field
	for name, v := range settings {
		text, ok := v.(string)
		if !ok {
			continue
		}
		if parameter := secretIn(text); parameter != "" {
			fields = append(fields, belay.Field{Pointer: "/metadata" + belay.Pointer(name), Message: fmt.Sprintf(
				"must not have a query with %q in it, which is by its name a secret: everybody who sees the connection would see it; store it as a credential", parameter)})
		}
	}
	if fields == nil {
		return nil
	}
	return configError(fields)
}

// secretIn is the first parameter with a value, in the query of a path or an
// address, whose name says that it is a secret; "" for none.
func secretIn(text string) string {
	path, query, ok := strings.Cut(text, "?")
	if !ok || !strings.HasPrefix(path, "/") && !strings.Contains(path, "://") {
		return ""
	}
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if value != "" && belay.NamesSecretParameter(name) {
			return name
		}
	}
	return ""
}
