package backtest

import (
	"math"
	"slices"
	"strconv"
)

// Validation is how the model does on steps that its constants have not seen. What is
// refitted is one factor of step time per software stack and chip; the other choices
// (which stack a family ran, which mechanisms exist) were made with all rows in sight,
// so the fourth figure takes the stack away too.
type Validation struct {
	Rows int `json:"rows"`
	// Fitted is the MAPE with the factors fitted to all rows, ByConfiguration with those
	// of the other folds, configurations dealt to folds, ByFamily with those of the other
	// families.
	Fitted          float64 `json:"mape_fitted"`
	ByConfiguration float64 `json:"mape_by_configuration"`
	ByFamily        float64 `json:"mape_by_family"`
	// Sibling and Alone part ByFamily: rows whose stack and chip another family ran too,
	// and rows of which none did. The latter keep the price of the catalog's constants,
	// which were fitted to them, so their error is not one of prediction.
	Sibling Left `json:"families_with_sibling"`
	Alone   Left `json:"families_without_sibling"`
	// Unknown is the errors of each family taken for one that nobody has heard of: the
	// stack is what its chip and its year suggest; the last is all of them together.
	Unknown []Group `json:"unknown_family"`
}

// Left is a part of the rows that a fit left out.
type Left struct {
	Rows     int          `json:"rows"`
	MAPE     float64      `json:"mape"`
	Families []FamilyRows `json:"families"`
}

// FamilyRows is how many rows of a family are in a part.
type FamilyRows struct {
	Family string `json:"family"`
	Rows   int    `json:"rows"`
}

// validated is a row with what its factor is shared by.
type validated struct {
	log           float64 // ln(measured/predicted)
	key, family   string
	configuration string
}

// validate cross-validates the simulated rows; nil below two configurations.
func validate(rows []Row, on *shelf) *Validation {
	var list []validated
	fold := map[string]int{} // of a configuration, dealt in order of appearance
	for _, r := range simulated(rows) {
		v := validated{
			log:           math.Log(r.Measured / r.Predicted),
			key:           r.Config.Machine.Stack.Name + " " + r.Config.Machine.Chip.Name,
			family:        r.Family,
			configuration: r.Case.configuration(&r.Config),
		}
		list = append(list, v)
		if _, seen := fold[v.configuration]; !seen {
			fold[v.configuration] = len(fold) % folds
		}
	}
	if len(fold) < 2 {
		return nil
	}
	out := &Validation{
		Rows:            len(list),
		Fitted:          averaged(refitted(list, func(*validated) string { return "" })),
		ByConfiguration: averaged(refitted(list, func(v *validated) string { return strconv.Itoa(fold[v.configuration]) })),
		Unknown:         unknown(rows, on),
	}
	families := refitted(list, func(v *validated) string { return v.family })
	out.ByFamily = averaged(families)
	out.Sibling = leftOf(families, false)
	out.Alone = leftOf(families, true)
	return out
}

// mean is a sum and what it is over.
type mean struct{ sum, n float64 }

// refit is the error of a row with a factor that it has not taught, unless it is alone:
// then it has none.
type refit struct {
	family string
	size   float64
	alone  bool
}

// refitted prices all rows, each with the factor that the rows of its stack and chip
// have on average, those of its own part left out unless the part has no name; where
// none is left it keeps its price.
func refitted(list []validated, part func(*validated) string) []refit {
	shared, own := map[string]mean{}, map[[2]string]mean{}
	for i := range list {
		v := &list[i]
		s := shared[v.key]
		shared[v.key] = mean{s.sum + v.log, s.n + 1}
		if name := part(v); name != "" {
			o := own[[2]string{v.key, name}]
			own[[2]string{v.key, name}] = mean{o.sum + v.log, o.n + 1}
		}
	}
	out := make([]refit, len(list))
	for i := range list {
		v := &list[i]
		s, o := shared[v.key], own[[2]string{v.key, part(v)}]
		n, factor := s.n-o.n, 0.0
		if n > 0 {
			factor = (s.sum - o.sum) / n
		}
		out[i] = refit{v.family, math.Abs(math.Expm1(factor - v.log)), n == 0}
	}
	return out
}

// averaged is the MAPE of rows.
func averaged(rows []refit) float64 {
	sum := 0.0
	for _, r := range rows {
		sum += r.size
	}
	return sum / max(1, float64(len(rows)))
}

// leftOf sums up the rows that are alone, or those that are not.
func leftOf(rows []refit, alone bool) Left {
	var some []refit
	out := Left{Families: []FamilyRows{}}
	for _, r := range rows {
		if r.alone != alone {
			continue
		}
		some = append(some, r)
		i := slices.IndexFunc(out.Families, func(f FamilyRows) bool { return f.Family == r.family })
		if i < 0 {
			i = len(out.Families)
			out.Families = append(out.Families, FamilyRows{Family: r.family})
		}
		out.Families[i].Rows++
	}
	out.Rows, out.MAPE = len(some), averaged(some)
	return out
}

// unknown prices the rows as those of families that nobody has heard of.
func unknown(rows []Row, on *shelf) []Group {
	var out []Group
	var every []pair
	for _, some := range parted(simulated(rows), func(r *Row) string { return r.Family }) {
		var pairs []pair
		for _, r := range some {
			c := *r.Case
			c.Family, c.Source = "", ""
			if again := price(&c, on); again.Error != nil {
				pairs = append(pairs, pair{r.ID, again.Predicted, r.Measured})
			}
		}
		every = append(every, pairs...)
		out = append(out, errorsOf("unknown", some[0].Family, pairs))
	}
	return append(out, errorsOf("unknown", "all", every))
}
