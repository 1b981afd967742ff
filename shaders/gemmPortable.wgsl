// Matrix product over Z_{2^64} on u32 pairs.

//#include "shared/gemmOperands.wgsl"
//#include "shared/portableTile.wgsl"
