package stix

import "sync"

// spec is the definition of an object type.
type spec struct {
	shape
	family family
	// ids are the ID contributing properties of a cyber-observable (§3.4); nil
	// where there are none and a random identifier is due.
	ids []string
	// exts are its predefined extensions (§3.10).
	exts map[string]rule
}

// model is what the specification defines: object types and common properties.
// It is built at the first use.
var model struct {
	once   sync.Once
	types  map[string]*spec
	common []commonProperty
	index  map[string]int // of common, by name
}

func buildModel() {
	model.types = map[string]*spec{}
	for _, family := range [][]spec{domainObjects(), relationshipObjects(), observables(), metaObjects()} {
		for i := range family {
			s := &family[i]
			s.compile()
			model.types[s.name] = s
		}
	}
	model.common = commonProperties()
	model.index = map[string]int{}
	for i, p := range model.common {
		model.index[p.name] = i
	}
}

// specOf returns the definition of an object type, nil for types that the
// specification does not define.
func specOf(typ string) *spec {
	model.once.Do(buildModel)
	return model.types[typ]
}

// common returns the common property of that name, nil for any other name.
func common(name string) *commonProperty {
	model.once.Do(buildModel)
	if i, ok := model.index[name]; ok {
		return &model.common[i]
	}
	return nil
}
