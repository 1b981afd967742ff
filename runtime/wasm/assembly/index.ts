/**
 * All kernels. Pointers are byte offsets into the imported memory; the caller lays operands out and gives every
 * array at least 32 readable and writable bytes behind its end, because rows of 30 bytes are moved as two vectors, and samples 32 at a time.
 */
export { GEMM_SCRATCH_BYTES, gemm } from './gemm';
export { CONV_SCRATCH_BYTES, convForward, convInputGradient, convWeightGradient } from './conv';
export { convForwardSplit, convInputGradientSplit, convWeightGradientSplit } from './convSplit';
export { thermometer17, thermometer31, thermometer67 } from './thermometer';
export { compareShare17, compareShare31, compareShare67 } from './compareShare';
export { compareTest17, compareTest31, compareTest67 } from './compareTest';
export { operandDeal, operandLift, operandMask, operandOpen } from './operand';
export { pack17, pack31, pack67, unpack17, unpack31, unpack67 } from './pack';
export { sample, sampleNibbles } from './sample';
export { rowProduct } from './rowProduct';
export { convertShare } from './convert';
export { proofAdd, proofCount, proofFold, proofInner, proofProducts, proofSpread, proofSums } from './codeProof';
export { deal, select, selectLarger, truncateSelect } from './select';
export { truncateDealt, truncateLocal } from './truncate';
export { wrap } from './wrap';
