package des

import "math/bits"

// Event is plain data: when, what, to whom. The meaning of Kind, Index and Epoch is its
// handler's. Four fields are the most that the compiler keeps in registers: with a fifth
// every event goes through memory.
type Event struct {
	At Time
	// Kind orders events of the same Time, lowest first.
	Kind  uint8
	Index int32
	// Epoch lets a handler cancel: it bumps the epoch of the entity and ignores
	// events that carry an older one. Nothing is removed from the queue.
	Epoch uint32
}

// key is the part of an event that orders it.
type key struct {
	// at is Event.At with its sign bit flipped, so that unsigned order is time order.
	at uint64
	// order is the kind in the top byte and the count of pushes in the others: 2^56
	// take two centuries at ten million per second.
	order uint64
}

// payload is the rest of an event.
type payload struct {
	index int32
	epoch uint32
}

const (
	signBit   = 1 << 63
	kindShift = 56
)

// split takes an event apart; it is the given push of its queue.
func split(e Event, push uint64) (key, payload) {
	k := key{uint64(e.At) ^ signBit, uint64(e.Kind)<<kindShift | push}
	return k, payload{e.Index, e.Epoch}
}

// join is the inverse of split.
func join(k key, p payload) Event {
	return Event{Time(k.at ^ signBit), uint8(k.order >> kindShift), p.index, p.epoch}
}

// before is the total order, as 1 or 0: time, then kind, then order of pushing.
// The borrow of a 128-bit subtraction takes no branch; which of two siblings in the
// heap is earlier is a coin toss that no branch predictor wins.
func (k *key) before(o *key) uint64 {
	_, borrow := bits.Sub64(k.order, o.order, 0)
	_, borrow = bits.Sub64(k.at, o.at, borrow)
	return borrow
}
