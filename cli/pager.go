package cli

// preferredPager is the command that shows what is longer than the screen.
// A variable that is there and empty, or "cat", means none.
func (in *invocation) preferredPager(p preferences) setting {
	for _, name := range []string{"BELAY_PAGER", "PAGER"} {
		if name == "PAGER" && p.Pager != "" {
			return setting{p.Pager, "config.yaml"}
		}
		if v, ok := in.LookupEnv(name); ok {
			return setting{v, name}
		}
	}
	return setting{"less -FIRX", "default"}
}
