package oidc

import (
	"fmt"
	"slices"
	"strings"

	"belay"
)

// Mapping says of which teams the members of a provider's groups are. Group
// names are compared letter for letter.
type Mapping []Rule

// Rule makes the members of a group members of a team. A group may have one
// asterisk, which stands for any text; in the team an asterisk stands for that
// same text: the group "belay-*" with the team "*" makes the members of
// belay-sre members of sre.
type Rule struct {
	Group string
	Team  string
}

// MappingPreview is what a Mapping makes of some groups.
type MappingPreview struct {
	Teams     []string // each once, in order
	Matches   []Match  // why, in the order of the groups and then of the rules
	Unmatched []string // groups that no rule is about
	Unused    []Rule   // rules that are about none of the groups
}

// Match is a group that a rule was about.
type Match struct {
	Group string
	Rule  Rule
	Team  string
}

// Teams returns the names of the teams of whoever is in these groups, each
// once and in order.
func (m Mapping) Teams(groups []string) []string { return m.Preview(groups).Teams }

// Preview returns what the mapping would do with these groups. It changes
// nothing.
func (m Mapping) Preview(groups []string) MappingPreview {
	var p MappingPreview
	used := make([]bool, len(m))
	for _, group := range groups {
		matched := false
		for i, rule := range m {
			team, ok := rule.apply(group)
			if !ok {
				continue
			}
			matched, used[i] = true, true
			p.Matches = append(p.Matches, Match{Group: group, Rule: rule, Team: team})
			p.Teams = append(p.Teams, team)
		}
		if !matched {
			p.Unmatched = append(p.Unmatched, group)
		}
	}
	for i, rule := range m {
		if !used[i] {
			p.Unused = append(p.Unused, rule)
		}
	}
	slices.Sort(p.Teams)
	p.Teams = slices.Compact(p.Teams)
	return p
}

// apply returns the team of a group that the rule is about. An asterisk
// stands for at least one letter where the team's name would be empty
// without.
func (r Rule) apply(group string) (team string, ok bool) {
	before, after, wild := strings.Cut(r.Group, "*")
	if !wild {
		return r.Team, group == r.Group
	}
	if len(group) < len(before)+len(after) || !strings.HasPrefix(group, before) || !strings.HasSuffix(group, after) {
		return "", false
	}
	team = strings.Replace(r.Team, "*", group[len(before):len(group)-len(after)], 1)
	return team, team != ""
}

func (m Mapping) check() (fields []belay.Field) {
	if len(m) > maxEntries {
		return []belay.Field{{Pointer: "/mapping", Message: "must have at most 100 rules"}}
	}
	for i, r := range m {
		for _, part := range []struct{ name, text string }{{"group", r.Group}, {"team", r.Team}} {
			if message := r.checkPart(part.text); message != "" {
				fields = append(fields, belay.Field{Pointer: fmt.Sprintf("/mapping/%d/%s", i, part.name), Message: message})
			}
		}
	}
	return fields
}

func (r Rule) checkPart(text string) string {
	switch {
	case text == "" || len(text) > maxText || !printable(text):
		return "must be a text without line breaks, of at most 512 bytes"
	case strings.Count(text, "*") > 1:
		return "must have at most one asterisk"
	case strings.Contains(text, "*") && !strings.Contains(r.Group, "*"):
		return "has an asterisk where the group has none"
	default:
		return ""
	}
}
