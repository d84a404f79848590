package belay

import "strings"

// ID names one object: a UUID (RFC 9562) in its lower-case text form.
// Version 7 is what this server makes; it takes any.
type ID string

// ParseID reads a UUID in its 36-character text form, in any case.
func ParseID(s string) (ID, error) {
	if len(s) != 36 {
		return "", errNotID
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return "", errNotID
			}
		default:
			if !isHex(c) {
				return "", errNotID
			}
		}
	}
	return ID(strings.ToLower(s)), nil
}

var errNotID = Errorf(CodeInvalid, "must be a UUID such as 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")

// RequestIDRule is what ValidRequestID asks, in words.
const RequestIDRule = "1 to 128 letters, digits, dots, underscores, colons, slashes and dashes"

// ValidRequestID tells whether a client's id for its request is taken over:
// it is written into logs and answers as it is.
func ValidRequestID(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-"
	return s != "" && len(s) <= 128 && strings.Trim(s, letters) == ""
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
