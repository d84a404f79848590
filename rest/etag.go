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

// maxTags bounds how many tags If-Match may name.
const maxTags = 20

// versions are the versions that If-Match names, in their order: one of 0 when
// it is absent or "*", none when no tag can be ours. Weak tags match nothing
// (RFC 9110, section 13.1.1).
func (r *request) versions() []int64 {
	header := strings.TrimSpace(strings.Join(r.Header.Values("If-Match"), ","))
	if header == "" || header == "*" {
		return []int64{0}
	}
	var out []int64
	for header != "" {
		weak := strings.HasPrefix(header, "W/")
		quoted, ok := strings.CutPrefix(strings.TrimPrefix(header, "W/"), `"`)
		tag, rest, closed := strings.Cut(quoted, `"`)
		if rest = strings.TrimSpace(rest); !ok || !closed || rest != "" && rest[0] != ',' || len(out) == maxTags {
			return nil
		}
		number, _, _ := strings.Cut(tag, "-")
		if v, err := strconv.ParseInt(number, 10, 64); err == nil && v > 0 && !weak {
			out = append(out, v)
		}
		header = strings.Trim(rest, ", \t")
	}
	return out
}

// version is the version of If-Match that is to be tried: 0 for any.
func (r *request) version() (int64, error) {
	if all := r.versions(); r.tried < len(all) {
		return all[r.tried], nil
	}
	return 0, &belay.Error{
		Code:    belay.CodePreconditionFailed,
		Message: "If-Match names no version of this; send the ETag of the answer in which you read it, as it is",
	}
}

// another tells whether If-Match names one more version to be tried.
func (r *request) another() bool {
	r.tried++
	return r.tried < len(r.versions())
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
