package fusion

import "strings"

// A tag is one way to attack, as words of many lists name it.
type tag uint16

const (
	bomb tag = 1 << iota
	suicide
	gun
	targeted
	kidnap
	shell
	air
	fire
	blade
	grenade
	sabotage
	clash
	protest
)

// stems name tags; a word counts that begins with one.
var stems = []struct {
	stem string
	tag  tag
}{
	{"bomb", bomb}, {"explo", bomb}, {"ied", bomb}, {"vbied", bomb}, {"blast", bomb}, {"mine", bomb}, {"landmine", bomb}, {"detonat", bomb}, {"vest", bomb},
	{"svbied", bomb | suicide}, {"suicid", bomb | suicide}, {"fidayeen", gun | suicide},
	{"firearm", gun}, {"gun", gun}, {"shoot", gun}, {"shot", gun}, {"firing", gun}, {"ambush", gun}, {"armed", gun}, {"raid", gun}, {"rifle", gun}, {"pistol", gun},
	{"assassin", targeted}, {"target", targeted}, {"execut", targeted},
	{"kidnap", kidnap}, {"abduct", kidnap}, {"hostage", kidnap}, {"hijack", kidnap}, {"disappear", kidnap},
	{"shell", shell}, {"rocket", shell}, {"mortar", shell}, {"missile", shell}, {"artillery", shell}, {"projectile", shell},
	{"air", air}, {"drone", air}, {"uav", air}, {"helicopter", air},
	{"arson", fire}, {"incendiar", fire}, {"torch", fire}, {"burn", fire},
	{"knife", blade}, {"knives", blade}, {"melee", blade}, {"stab", blade}, {"behead", blade}, {"axe", blade}, {"machete", blade}, {"slit", blade},
	{"grenade", grenade}, {"sabotag", sabotage}, {"facility", sabotage}, {"infrastructure", sabotage}, {"pipeline", sabotage},
	{"clash", clash}, {"battle", clash}, {"fight", clash}, {"gunfight", gun | clash}, {"gunbattle", gun | clash}, {"skirmish", clash},
	{"protest", protest}, {"riot", protest}, {"mob", protest},
}

func tags(s string) tag {
	var t tag
	for _, w := range fields(strings.ToLower(s)) {
		for _, st := range stems {
			if strings.HasPrefix(w, st.stem) && (len(st.stem) > 3 || w == st.stem || w == st.stem+"s") {
				t |= st.tag
			}
		}
	}
	return t
}

// near are ways to attack that lists do not part alike.
var near = []tag{
	bomb | suicide | grenade | shell, gun | targeted | clash | blade, targeted | bomb, sabotage | bomb | fire, kidnap | gun,
	shell | air, grenade | gun,
}

// Levels of agreement in kind.
const (
	sameKind = iota
	sharedKind
	nearKind
	otherKind
	kindLevels
)

var kindNames = []string{"same kind", "kinds overlap", "kinds that lists do not part alike", "another kind"}

func compareKinds(a, b *prepared) int {
	if a.tags == 0 || b.tags == 0 {
		if a.kind == "" || b.kind == "" {
			return missing
		}
		if a.kind == b.kind {
			return sameKind
		}
		return missing // a word that is not known says nothing against
	}
	switch {
	case a.tags == b.tags:
		return sameKind
	case a.tags&b.tags != 0:
		return sharedKind
	}
	for _, n := range near {
		if a.tags&n != 0 && b.tags&n != 0 {
			return nearKind
		}
	}
	return otherKind
}
