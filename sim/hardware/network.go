package hardware

import (
	"math"

	"clustercap/sim/unit"
)

// Network is what a fabric for a number of chips is built of, nearest tier first.
type Network struct {
	Tiers []NetworkTier
}

// NetworkTier counts one tier's switches, and the links from it down: to the chips
// from the first tier, to the tier below from every other.
type NetworkTier struct {
	Name     string
	Switches int
	Links    int
	// LinkRate is the bandwidth of a link per direction.
	LinkRate unit.Bandwidth
	// Optics is the number of transceivers, one at each end of a link; zero where the
	// links are copper.
	Optics int
	Copper int // cables
}

// Switches of all tiers.
func (n *Network) Switches() int {
	sum := 0
	for i := range n.Tiers {
		sum += n.Tiers[i].Switches
	}
	return sum
}

// Optics of all tiers.
func (n *Network) Optics() int {
	sum := 0
	for i := range n.Tiers {
		sum += n.Tiers[i].Optics
	}
	return sum
}

// Copper is the cables of all tiers.
func (n *Network) Copper() int {
	sum := 0
	for i := range n.Tiers {
		sum += n.Tiers[i].Copper
	}
	return sum
}

// Counts reports whether the fabric gives the switch and the optic that Network needs.
func (f *Fabric) Counts() bool { return f.Switch.Bandwidth.Likely > 0 && f.Optic.Bandwidth.Likely > 0 }

// Network is the folded Clos network that joins so many chips, with ranges at Likely;
// it has no tier where the fabric gives no switch.
//
// Chips hang off the first tier with the whole bandwidth of their NICs; into each tier
// above goes what its oversubscription leaves of it. A switch has a bandwidth to spend
// on links down and up, so a tier needs the sum of both over that of a switch, and the
// highest tier that so many chips need has links down alone. Each plane is a network of
// its own with its part of every NIC.
func (f *Fabric) Network(chips int, nic unit.Bandwidth) Network {
	if !f.Counts() || chips < 1 {
		return Network{}
	}
	tiers := f.Tiers
	for i := range tiers {
		if tiers[i].Chips >= chips {
			tiers = tiers[:i+1]
			break
		}
	}
	planes := max(f.Planes, 1)
	port := float64(nic) / float64(planes)
	into := func(i int) float64 { // bandwidth of one plane from below into tier i
		switch {
		case i == 0:
			return float64(chips) * port
		case i >= len(tiers):
			return 0
		}
		per := port
		if own := float64(tiers[i].Bandwidth.Likely); own > 0 {
			per = own / float64(planes)
		}
		return float64(chips) * per / max(1, float64(tiers[i].Oversubscription))
	}
	n := Network{Tiers: make([]NetworkTier, len(tiers))}
	link := float64(f.Optic.Bandwidth.Likely)
	for i := range tiers {
		t := &n.Tiers[i]
		t.Name = tiers[i].Name
		t.Switches = planes * up((into(i)+into(i+1))/float64(f.Switch.Bandwidth.Likely))
		t.LinkRate = unit.Bandwidth(link)
		if i == 0 { // every NIC has links of its own, slower ones where it is slower
			t.Links = planes * chips * up(port/link)
			t.LinkRate = unit.Bandwidth(min(link, port))
		} else {
			t.Links = planes * up(into(i)/link)
		}
		if tiers[i].Copper {
			t.Copper = t.Links
		} else {
			t.Optics = 2 * t.Links
		}
	}
	return n
}

// up rounds up, less what two divisions may have rounded.
func up(x float64) int { return int(math.Ceil(x * (1 - 1e-12))) }

// NetworkPower is the power per chip of switches, optics and storage in a cluster of so
// many chips, with ranges at Likely. A slower link's transceiver draws in proportion.
func (f *Fabric) NetworkPower(chips int, nic unit.Bandwidth) unit.Power {
	if f.PowerPerChip.Likely > 0 || !f.Counts() || chips < 1 {
		return f.PowerPerChip.Likely
	}
	sum := f.overNetwork(chips, nic, float64(f.Switch.Power.Likely), float64(f.Optic.Power.Likely))
	return unit.Power(sum/float64(chips)) + f.StoragePerChip.Likely
}

// NetworkPrice is the price in USD of switches and optics for a cluster of so many
// chips, with ranges at Likely; 0 where none is known. A slower link's transceiver costs
// in proportion; copper cables are not priced.
func (f *Fabric) NetworkPrice(chips int, nic unit.Bandwidth) unit.Money {
	if f.PricePerChip.Likely > 0 || !f.Counts() || chips < 1 {
		return f.PricePerChip.Likely * unit.Money(chips)
	}
	return unit.Money(f.overNetwork(chips, nic, float64(f.Switch.Price.Likely), float64(f.Optic.Price.Likely)))
}

// overNetwork adds up what each switch and each transceiver at the optic's full rate
// counts for; slower links' transceivers count in proportion.
func (f *Fabric) overNetwork(chips int, nic unit.Bandwidth, perSwitch, perOptic float64) float64 {
	n := f.Network(chips, nic)
	sum := 0.0
	for i := range n.Tiers {
		t := &n.Tiers[i]
		sum += float64(t.Switches) * perSwitch
		sum += float64(t.Optics) * perOptic * float64(t.LinkRate/f.Optic.Bandwidth.Likely)
	}
	return sum
}
