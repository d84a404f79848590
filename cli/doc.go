// Package cli is the command line: it reads arguments, speaks to a server's
// API and shows the answers.
//
// The data of an answer goes to standard output, everything said about it to
// standard error; the exit status carries how it ended (see exit.go). Field
// names in JSON and YAML output are the API's own.
package cli

//go:generate sh -c "go run ../cmd/belay help --markdown > ../docs/cli.md"
