package cli

import "embed"

//go:embed completion/belay.*
var completionScripts embed.FS

type completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

// Help gives examples.
func (*completion) Help() string {
	return examples(`eval "$(belay completion bash)"`,
		`belay completion zsh > "${fpath[1]}/_belay"`,
		"belay completion fish > ~/.config/fish/completions/belay.fish",
		"belay completion powershell >> $PROFILE")
}

// Run writes the script. It asks the program itself what can follow, so that
// it never falls behind the commands.
func (c *completion) Run(in *invocation) error {
	script, err := completionScripts.ReadFile("completion/belay." + c.Shell)
	if err != nil {
		return usage("there is no completion for %s", c.Shell)
	}
	_, err = in.Stdout.Write(script)
	return err
}
