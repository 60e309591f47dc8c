package ledger

// The Data of the kinds of event of blind deconfliction and joint operations.
// Session is the 32 random bytes by which the opener named the exchange.
type (
	// DeconflictOpening is the data of DeconflictOpened: what the opener is bound
	// to before it sees anything of the other side.
	DeconflictOpening struct {
		To      string `json:"to"`
		Session []byte `json:"session"`
		DeconflictCommitment
		Arbiter string `json:"arbiter"` // a witness of the accord; empty: masks are shown in turn
		Officer string `json:"officer"` // pseudonym
	}
	// DeconflictCommitment binds a side to its list.
	DeconflictCommitment struct {
		Grid       string `json:"grid"`
		Size       int    `json:"size"`
		Public     []byte `json:"public"`     // key of the side
		List       Digest `json:"list"`       // of the blinded list
		Commitment []byte `json:"commitment"` // HMAC-SHA256(seed, the footprints)
	}
	// DeconflictJoin is the data of DeconflictJoined, whose body is the joiner's
	// list. Refused says why there is none.
	DeconflictJoin struct {
		To      string `json:"to"`
		Session []byte `json:"session"`
		DeconflictCommitment
		Refused string `json:"refused,omitzero"`
		// Alone is set where the joiner has no mask of the arbiter: it may be tried
		// again without one.
		Alone bool `json:"alone,omitzero"`
	}
	// DeconflictSeal is the data of DeconflictSealed, whose body is Sealed.
	DeconflictSeal struct {
		To      string `json:"to"`
		Session []byte `json:"session"`
		Of      Digest `json:"of"` // the body of the other side that it answers
		Sealed  Digest `json:"sealed"`
		// Joins is set by the joiner: an arbiter shows a mask to the opener alone.
		Joins bool `json:"joins"`
		// Arbiter, Sheet and Mask name the mask where an arbiter made it.
		Arbiter string `json:"arbiter"`
		Sheet   int64  `json:"sheet"`
		Mask    int    `json:"mask"`
	}
	// DeconflictShow is the data of DeconflictShown: the mask of a part.
	DeconflictShow struct {
		To      string `json:"to"`
		Session []byte `json:"session"`
		Part    int    `json:"part"`
		Mask    []byte `json:"mask"`
	}
	// DeconflictEnd is the data of Deconflicted, which is opened to nobody else: what
	// the exchange brought. Pad makes it as long whatever that is.
	DeconflictEnd struct {
		With    string `json:"with"`
		Session []byte `json:"session"`
		Outcome string `json:"outcome"` // clear, overlap
	}
	// OverlapAct is the data of OverlapAcknowledged and, with How, of
	// OverlapResolved.
	OverlapAct struct {
		To      string `json:"to"`
		Session []byte `json:"session"`
		How     string `json:"how,omitzero"` // one of deconflict.Resolutions
	}
	// Joint is the data of JointAct, whose body is an act of package operation. One by
	// which the party leaves has no body but Leaves, the act's number, and Text.
	Joint struct {
		To        []string `json:"to"`
		Operation string   `json:"operation"`
		Act       Digest   `json:"act"`
		Leaves    int64    `json:"leaves,omitzero"`
		Text      string   `json:"text,omitzero"`
		By        string   `json:"by,omitzero"` // who, for people
	}
)
