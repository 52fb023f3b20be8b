-- Writes of models with hooks that change nothing are the writes they were.
-- SPDX-License-Identifier: Apache-2.0
local hooked = require("support.hooked")

describe("with hooks at every model", function()
    local back
    setup(function() back = hooked.everywhere() end)
    teardown(function()
        back()
        assert.is_true(not os.getenv("LUNETTE_TEST_CONNINFO")
            or #hooked.calls > 100)
    end)
    for _, name in ipairs { "opencrud", "required", "access" } do
        local run = assert(loadfile(("spec/lua/orm/write/%s_spec.lua")
            :format(name)))
        setfenv(run, getfenv(1))()
    end
end)
