// The workloads as the hand-written server takes them.
// SPDX-License-Identifier: Apache-2.0
export const path = '/';
export const body = (part, variables) => ({ do: part.name, ...variables });
