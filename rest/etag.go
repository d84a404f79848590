package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"belay"
)

// etag is a strong entity tag (RFC 9110, section 8.8.3): the object's
// version and a hash of what is sent. The hash makes it differ whenever the
// answer differs, for instance in a health; the version is what If-Match
// compares, so that a check does not make a person's edit fail.
func etag(version int64, body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + strconv.FormatInt(version, 10) + "-" + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
}

// matches tells whether an If-None-Match header names a tag.
func matches(header, tag string) bool {
	for t := range strings.SplitSeq(header, ",") {
		if t = strings.TrimSpace(t); t == "*" || strings.TrimPrefix(t, "W/") == tag {
			return header != ""
		}
	}
	return false
}

// version is the version that If-Match names: 0 when it is absent or "*".
func (r *request) version() (int64, error) {
	tag := strings.TrimSpace(r.Header.Get("If-Match"))
	if tag == "" || tag == "*" {
		return 0, nil
	}
	if len(tag) > 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		number, _, _ := strings.Cut(tag[1:len(tag)-1], "-")
		if v, err := strconv.ParseInt(number, 10, 64); err == nil && v > 0 {
			return v, nil
		}
	}
	return 0, &belay.Error{
		Code:    belay.CodePreconditionFailed,
		Message: "If-Match names no version of this; send the ETag of the answer in which you read it, as it is",
	}
}

// requiredVersion is the version that If-Match names where it must be
// present: where two people edit one set.
func (r *request) requiredVersion() (int64, error) {
	if r.Header.Get("If-Match") == "" {
		return 0, &belay.Error{
			Code:    belay.CodePreconditionRequired,
			Message: "If-Match is required here, so that nobody's change of the same set is lost",
			Remedy: []belay.Remedy{{
				ID: "object.reread", Title: "Read the set first",
				Description: "GET the same path and send its ETag as If-Match; If-Match: * replaces whatever is there.",
				Action:      &belay.RemedyAction{Method: "GET", Href: r.URL.Path},
			}},
		}
	}
	return r.version()
}
