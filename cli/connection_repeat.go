package cli

import (
	"slices"
	"strings"
)

// repeated completes the commands of remedies that import again: with the
// file of this command line, and with the flags that still hold.
func (c *importKubeconfig) repeated(in *invocation, rs []remedy) []remedy {
	const again = "belay connection import kubeconfig"
	out := slices.Clone(rs)
	for i, r := range out {
		rest, ok := strings.CutPrefix(r.Command, again+" -f ")
		if !ok {
			continue
		}
		file, rest, _ := strings.Cut(rest, " ")
		if file == "PATH" {
			file = c.File
		}
		words := []string{again}
		if file != "" {
			words = append(words, "-f "+shellWord(file))
		}
		if rest != "" {
			words = append(words, rest)
		}
		out[i].Command = strings.Join(append(words, c.flagsBeside(in, rest)...), " ")
	}
	return out
}

// flagsBeside are the flags of this command line that a command with other
// flags leaves unsaid. What a connection is named for is not made anew.
func (c *importKubeconfig) flagsBeside(in *invocation, others string) []string {
	var out []string
	add := func(given bool, flag string, values ...string) {
		if !given || slices.Contains(strings.Fields(others), flag) {
			return
		}
		out = append(out, flag)
		for _, v := range values {
			out = append(out, shellWord(v))
		}
	}
	named := strings.Contains(others, "--connection ")
	add(c.OnExisting != "update" && !named, "--on-existing", c.OnExisting)
	add(c.Connection != "", "--connection", c.Connection)
	add(c.As != "" && !named, "--as", c.As)
	add(c.Move, "--move")
	add(c.AcceptIdentity, "--accept-identity")
	add(c.WithoutCredential, "--without-credential")
	add(c.AcceptInsecureTLS, "--accept-insecure-tls")
	add(c.ReplaceWorking, "--replace-working")
	for _, e := range c.Environment {
		add(true, "--environment", e)
	}
	add(in.flags.Context != "", "-c", in.flags.Context)
	add(in.flags.Server != "", "--server", in.flags.Server)
	add(in.flags.Org != "", "--org", in.flags.Org)
	return out
}
