package cli

import "testing"

// What is no text is refused where it is read, not stored as something else.
func TestArgumentsAreText(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SERVER": "http://127.0.0.1:1", "TOKEN": "horse"})
	for _, line := range [][]string{
		{"argument 3", "environment", "create", "caf\xe9"},
		{"argument 3", "connection", "create", "caf\xe9", "--kind", "http", "--url", "http://x"},
		{"argument 4", "connection", "test", "a", "caf\xe9"},
		{"what follows --description", "environment", "create", "x", "--description", "caf\xe9"},
		{"--description", "connection", "edit", "x", "--description=caf\xe9"},
		{"what follows --name", "credential", "edit", "x", "--name", "caf\xe9"},
		{"what follows --user", "credential", "create", "x", "--type", "basic", "--user", "caf\xe9", "--secret-env", "password=TOKEN"},
		{"what follows --set", "connection", "edit", "x", "--set", "metadata.a=1", "--set", "metadata.path=/caf\xe9"},
		{"what follows -f", "api", "POST", "/api/environments", "-f", "name=caf\xe9"},
		{"what follows --secret-env", "credential", "edit", "x", "--secret-env", "password=horse\xe9"},
	} {
		f.run(t, exitUsage, line[1:]...)
		mustContain(t, f.err.String(), "error: "+line[0]+" is not text in UTF-8")
		mustNotContain(t, f.err.String(), "caf", "horse")
	}
	f.run(t, exitUnreachable, "environment", "create", "café")
}

// Nor does a certificate authority get into a setting that is no text.
func TestAuthorityIsText(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_SERVER": "http://127.0.0.1:1"})
	path := f.Home + "/ca.pem"
	writeFile(t, path, "# caf\xe9\n")
	f.run(t, exitUsage, "connection", "edit", "x", "--ca-certificate", path)
	mustContain(t, f.err.String(), "the certificate authority is not text in UTF-8")
}
