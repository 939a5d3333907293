package scenario

import (
	"reflect"
	"strings"

	"clustercap/sim/hardware"
	"clustercap/sim/model"
	"clustercap/sim/power"
	"clustercap/sim/step"
)

// rule is what a field demands beyond its type.
type rule struct {
	// required fields must be written; the others have a default or may be left out.
	required bool
	// def is the default as one would write it, source where it comes from.
	def, source string
	// min and max bound the value (of a list: each item) as one would write them;
	// above is an exclusive lower bound.
	min, max, above string
	enum            []string
	// example is a likely value, for hints.
	example string
}

// structField is one key of a mapping that decodes into a struct.
type structField struct {
	name  string
	goKey string // Type.Field, to find the field's comment
	index int
	typ   reflect.Type
	rule  rule
}

// structFields lists the keys of a struct type: json names, rules from the tags
// default, source, min, max, above, enum and example, or for the types of other packages from
// foreignRules. A field with neither omitempty nor a default is required.
func structFields(t reflect.Type) []structField {
	var out []structField
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		tag := f.Tag
		goKey := t.Name() + "." + f.Name
		if foreign, ok := foreignRules[t.PkgPath()+"."+goKey]; ok {
			tag = foreign
		}
		r := rule{def: tag.Get("default"), source: tag.Get("source"), min: tag.Get("min"), max: tag.Get("max"), above: tag.Get("above"), example: tag.Get("example")}
		if e := tag.Get("enum"); e != "" {
			r.enum = strings.Split(e, ",")
		}
		r.required = options != "omitempty" && r.def == "" && tag.Get("optional") == ""
		out = append(out, structField{name: name, goKey: goKey, index: i, typ: f.Type, rule: r})
	}
	return out
}

// foreignRules are the rules of fields whose structs live with their models, which
// know nothing of files.
var foreignRules = buildForeignRules()

func buildForeignRules() map[string]reflect.StructTag {
	m := map[string]reflect.StructTag{}
	add := func(t reflect.Type, field, tag string) {
		if _, ok := t.FieldByName(field); !ok {
			panic("scenario: a rule for " + t.Name() + "." + field + ", which does not exist")
		}
		m[t.PkgPath()+"."+t.Name()+"."+field] = reflect.StructTag(tag)
	}
	const count = `min:"1" max:"10000000"`
	const optionalCount = `optional:"1" min:"0" max:"10000000"`

	chip := reflect.TypeFor[hardware.Chip]()
	for _, f := range []string{"Name", "Title", "Vendor", "FP8", "FP4", "Server", "Fabric"} {
		add(chip, f, `optional:"1"`)
	}
	add(chip, "BlockScaled", `optional:"1" enum:"mxfp8,mxfp4,nvfp4"`)
	add(chip, "Price", `optional:"1"`)
	add(chip, "Embodied", `optional:"1" example:"164 kgCO2"`)
	add(chip, "Year", `optional:"1" min:"1990" max:"2100"`)
	add(chip, "Cores", `optional:"1" min:"0" max:"1000000"`)
	add(chip, "Exponentials", `optional:"1" min:"0" max:"1024"`)
	add(chip, "Array", `optional:"1" min:"0" max:"100000"`)
	for _, f := range []string{"BF16", "HBM", "HBMBandwidth", "ScaleUp", "NIC", "TDP"} {
		add(chip, f, positiveOf[f])
	}
	add(chip, "UncorePower", `default:"10..18..25 %" source:"HBM3 at 3.4 TB/s and about 4 pJ/bit draws 110 W of H100's 620 W above idle, links 10 to 20 W more; less where neither is busy [prior]"`)
	add(chip, "VoltageSlope", `default:"0.5..0.7..1" source:"f V^2 is then about f^(1+2s), and accelerators' power falls as f^2 to f^3 above the voltage floor [prior]" max:"1" example:"0.7"`)
	add(chip, "VoltageFloor", `default:"50..60..75 %" source:"GPUs reach their lowest voltage at 1.0 to 1.4 of 1.9 GHz [memory]"`)
	point := reflect.TypeFor[hardware.PowerPoint]()
	add(point, "Clock", `above:"0 %" example:"60 %"`)
	add(point, "Power", `above:"0 %" example:"45 %"`)
	efficiency := reflect.TypeFor[hardware.Efficiency]()
	for _, f := range []string{"Matmul", "Attention", "Memory", "ScaleUpBus"} {
		add(efficiency, f, `above:"0 %"`)
	}
	add(efficiency, "MatmulFP8", `optional:"1" above:"0 %"`)
	add(efficiency, "Launch", `max:"1 s" example:"5 us"`)

	server := reflect.TypeFor[hardware.Server]()
	add(server, "Name", `optional:"1"`)
	add(server, "Title", `optional:"1"`)
	add(server, "Chips", `min:"1" max:"100000" example:"8"`)
	add(server, "ScaleUpDomain", `min:"1" max:"1000000" example:"8"`)
	add(server, "ScaleUpLatency", `max:"1 s" example:"2 us"`)
	for _, f := range []string{"Mesh", "InNetworkReduction", "HostLink", "HostMemory", "Price"} {
		add(server, f, `optional:"1"`)
	}
	add(server, "Torus", `optional:"1" min:"0" max:"6"`)
	add(server, "TorusCube", `optional:"1" min:"0" max:"1000"`)
	add(server, "Embodied", `optional:"1" example:"1.5 tCO2"`)

	fabric := reflect.TypeFor[hardware.Fabric]()
	add(fabric, "Name", `optional:"1"`)
	add(fabric, "Title", `optional:"1"`)
	add(fabric, "PricePerChip", `optional:"1"`)
	add(fabric, "Planes", `optional:"1" min:"0" max:"64"`)
	for _, f := range []string{"Bandwidth", "Power", "Price"} {
		add(reflect.TypeFor[hardware.Switch](), f, `optional:"1"`)
		add(reflect.TypeFor[hardware.Optic](), f, `optional:"1"`)
	}
	tier := reflect.TypeFor[hardware.Tier]()
	add(tier, "InNetworkReduction", `optional:"1"`)
	add(tier, "LoadSpread", `optional:"1" example:"3 %"`)
	add(tier, "Chips", `default:"0" min:"0" max:"10000000"`)
	add(tier, "Bandwidth", `default:"0 GB/s"`)
	add(tier, "Oversubscription", `default:"1" min:"1" max:"1000"`)
	add(tier, "Latency", `max:"1 s" example:"5 us"`)
	add(tier, "Efficiency", `above:"0 %"`)

	losses := reflect.TypeFor[power.Losses]()
	add(losses, "TransformerIdle", `default:"0.08..0.12..0.2 %" source:"no-load loss of 2.5 MVA distribution transformers: 2 to 5 kW [memory]"`)
	add(losses, "TransformerLoad", `default:"0.6..0.8..1.1 %" source:"load loss of 2.5 MVA distribution transformers: 15 to 28 kW [memory]"`)
	add(losses, "UPSIdle", `default:"0.7..1.1..1.8 %" source:"double conversion loses 0.7 to 1 % idle [memory]; four units for three to two for one keep more of them on [prior]"`)
	add(losses, "UPSLinear", `default:"0.5..1..1.5 %" source:"double conversion: 96.5 to 97.5 % efficient from half to full load [memory]"`)
	add(losses, "UPSSquare", `default:"0.6..1..1.4 %" source:"double conversion: 96.5 to 97.5 % efficient from half to full load [memory]"`)
	add(losses, "RackLoad", `default:"0.4..0.7..1 %" source:"busbars, cables and units without transformers lose 0.5 to 1 % at full load [memory]"`)
	climate := reflect.TypeFor[power.Climate]()
	for _, f := range []string{"Name", "Title"} {
		add(climate, f, `optional:"1"`)
	}
	add(climate, "UTCOffset", `optional:"1" min:"-12" max:"14"`)
	for _, f := range []string{"DryBulb", "WetBulb"} {
		add(climate, f, `optional:"1" min:"-80 C" max:"70 C" example:"[14.2 C, 13.8 C, ...]"`)
	}
	month := reflect.TypeFor[power.Month]()
	for _, f := range []string{"Mean", "DewPoint"} {
		add(month, f, `min:"-80 C" max:"60 C" example:"12 C"`)
	}
	for _, f := range []string{"Swing", "Spread"} {
		add(month, f, `max:"40 K" example:"8 K"`)
	}
	cooling := reflect.TypeFor[power.Cooling]()
	for _, f := range []string{"Name", "Title"} {
		add(cooling, f, `optional:"1"`)
	}
	add(cooling, "Rejection", `enum:"tower,dry,adiabatic"`)
	add(cooling, "Liquid", `default:"0 %"`)
	add(cooling, "WarmSupply", `default:"32 C" source:"without cold plates it does not matter" max:"80 C" example:"32 C"`)
	add(cooling, "ColdSupply", `max:"60 C" example:"20 C"`)
	add(cooling, "Rise", `above:"0 K" max:"40 K" default:"6..8..10 K" source:"water warms by 5 to 10 K in coils and cold plates [memory]"`)
	add(cooling, "Approach", `above:"0 K" max:"40 K" example:"4 K"`)
	add(cooling, "Chiller", `above:"0 %" default:"40..50..60 %" source:"large centrifugal chillers reach 50 to 65 % of Carnot between their own refrigerant temperatures at full load, less at part load [memory]"`)
	for _, f := range []string{"RoomFans", "OutsideFans", "Pumps"} {
		add(cooling, f, `max:"50 %" example:"1.5 %"`)
	}
	add(cooling, "Margin", `default:"5..10..20 %" source:"one unit in ten to twenty is spare, and runs when it must [prior]"`)
	add(cooling, "Derate", `default:"1.5..2.5..4 %" source:"chillers lose 1 to 2 % of capacity per kelvin, exchangers 1 over approach and range [prior]" max:"20 %"`)
	add(cooling, "Exceeded", `default:"0.4 %" source:"usual design weather (ASHRAE 0.4 %)" max:"50 %"`)

	m1 := reflect.TypeFor[model.Model]()
	add(m1, "Name", `optional:"1"`)
	add(m1, "Title", `optional:"1"`)
	add(m1, "Layers", `min:"1" max:"10000" example:"80"`)
	add(m1, "Hidden", count+` example:"8192"`)
	add(m1, "Heads", count+` example:"64"`)
	add(m1, "Vocab", count+` example:"128256"`)
	for _, f := range []string{"KVHeads", "HeadDim", "FFN", "Positions", "Window"} {
		add(m1, f, optionalCount)
	}
	add(m1, "MTP", `optional:"1" min:"0" max:"100"`)
	add(m1, "PublishedParams", `optional:"1" min:"0" max:"1e15"`)
	add(m1, "PublishedActive", `optional:"1" min:"0" max:"1e15"`)
	mla := reflect.TypeFor[model.MLA]()
	add(mla, "QRank", `default:"0" min:"0" max:"10000000"`)
	for _, f := range []string{"KVRank", "NopeDim", "RopeDim", "ValueDim"} {
		add(mla, f, count)
	}
	linear := reflect.TypeFor[model.Linear]()
	for _, f := range []string{"KeyHeads", "ValueHeads", "KeyDim", "ValueDim", "Conv"} {
		add(linear, f, count)
	}
	add(linear, "Every", `min:"1" max:"10000"`)
	moe := reflect.TypeFor[model.MoE]()
	for _, f := range []string{"Experts", "TopK", "FFN"} {
		add(moe, f, count)
	}
	add(moe, "SharedFFN", optionalCount)
	add(moe, "DenseLayers", `optional:"1" min:"0" max:"10000"`)
	add(moe, "Every", `optional:"1" min:"1" max:"10000"`)
	add(moe, "NodeLimit", optionalCount)
	add(moe, "Imbalance", `optional:"1" min:"1" max:"1000"`)

	stack := reflect.TypeFor[step.Stack]()
	for _, f := range []string{"Name", "Title", "TensorOverlap", "ExpertOverlap", "SerialData", "SerialCopies", "WholeReduce", "InNetworkReduction", "PlainDispatch", "MaskedDispatch", "FusedExperts", "UnfusedRotary", "MergedContext", "EagerContext", "NeighbourExperts", "PlannedMemory", "WeightsFP8"} {
		add(stack, f, `optional:"1"`)
	}
	add(stack, "AttentionBlock", `optional:"1" min:"0" max:"1000000"`)
	add(stack, "HeadDeferral", `optional:"1" min:"0" max:"1000000"`)
	for _, f := range []string{"Matmul", "MatmulFP8", "Attention", "Grouped"} {
		add(stack, f, `optional:"1" above:"0 %"`)
	}
	add(stack, "Elementwise", `optional:"1" min:"0.1" max:"100"`)
	add(stack, "AmaxReduction", `optional:"1" enum:"stage,tensor"`)
	add(stack, "AttentionFP8", `optional:"1" min:"0.1" max:"100"`)
	add(stack, "Casts", `optional:"1" min:"0.1" max:"100"`)
	add(stack, "Launch", `optional:"1" max:"1 s" example:"5 us"`)
	add(stack, "ShardBroadcast", `optional:"1" max:"1 s" example:"100 us"`)
	add(stack, "ExpertSync", `optional:"1" max:"1 s" example:"500 us"`)
	add(stack, "ExpertLaunch", `optional:"1" max:"1 s" example:"20 us"`)
	add(stack, "ExpertActivation", `optional:"1"`)
	add(stack, "Dispatch", `optional:"1"`)
	add(stack, "Capacity", `optional:"1" min:"1" max:"1000"`)
	for _, f := range []string{"Gradients", "ShardedGradients", "Logits"} {
		add(stack, f, `optional:"1" max:"100 B" example:"4 B"`)
	}
	add(stack, "Context", `optional:"1" max:"1 TB" example:"3 GB"`)
	add(stack, "StepOverhead", `optional:"1" max:"1 h" example:"100 ms"`)

	layout := reflect.TypeFor[step.Layout]()
	for _, f := range []string{"TP", "PP", "VPP", "CP", "EP", "ETP", "MicroBatch"} {
		add(layout, f, `default:"1" min:"1" max:"10000000"`)
	}
	add(layout, "SP", `default:"true"`)
	add(layout, "DP", optionalCount)
	add(layout, "Shard", optionalCount)
	add(layout, "ZeRO", `default:"1" min:"0" max:"3"`)
	add(layout, "Recompute", `default:"none" example:"full"`)
	add(layout, "RecomputeLayers", optionalCount)
	add(layout, "LastLayers", optionalCount)
	add(layout, "CPComm", `default:"ring" enum:"ring,all-gather"`)
	add(layout, "Offload", `default:"none" enum:"none,optimizer,activations,all"`)
	add(layout, "Schedule", `default:"1f1b" enum:"1f1b,zb-h1,zb-v,dualpipe"`)
	add(layout, "Attention", `default:"fused" enum:"fused,unfused"`)
	return m
}

// positiveOf are the numbers of a data sheet that no chip can lack.
var positiveOf = map[string]string{
	"BF16": `above:"0 TFLOP/s" example:"400 TFLOP/s"`, "HBM": `above:"0 GB"`, "HBMBandwidth": `above:"0 GB/s" example:"3000 GB/s"`,
	"ScaleUp": `above:"0 GB/s" example:"450 GB/s"`, "NIC": `above:"0 GB/s" example:"50 GB/s"`, "TDP": `above:"0 W" example:"700 W"`,
}
