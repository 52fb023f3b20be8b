--- The coroutines of apps: the host resumes them, not each other on the C stack
-- (core/vm/coroutine.c), so whatever waits for the host works inside them.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.sandbox_coroutines
local native = native
local error = error
local create, resume = native.create, native.resume

local coroutines = {
    create = create, isyieldable = native.isyieldable, resume = resume,
    running = native.running, status = native.status, yield = native.yield,
}

local function unwrap(ok, ...)
    if ok then return ... end
    error((...), 0)
end

--- A function that resumes the coroutine of `fn` and raises its errors.
function coroutines.wrap(fn)
    local co = create(fn)
    return function(...) return unwrap(resume(co, ...)) end
end

return coroutines
