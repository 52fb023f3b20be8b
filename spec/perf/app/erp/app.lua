-- What the performance suite measures: customers, products and their orders.
-- Rows come from spec/perf/dataset.mjs, not from data files.
-- SPDX-License-Identifier: Apache-2.0
app "erp" { version = "1.0.0", title = "Performance", depends = { "base" } }

role "clerk" { title = "Clerk" }

enum "OrderState" { "DRAFT", "SENT", "CONFIRMED", "CANCELLED" }

model "Customer" {
  fields = {
    code   = text { required = true, unique = true, size = 20 },
    name   = text { required = true, index = true, size = 200 },
    email  = text { size = 200 },
    city   = text { index = true, size = 100 },
    credit = money { required = true, default = 0 },
    active = bool { required = true, default = true },
    since  = date {},
    orders = many "Order" { by = "customer" },
    created_at = created {},
    updated_at = updated {},
  },
}

model "Product" {
  fields = {
    sku    = text { required = true, unique = true, size = 40 },
    name   = text { required = true, index = true, size = 200 },
    price  = money { required = true, default = 0, min = 0 },
    active = bool { required = true, default = true },
  },
}

model "Order" {
  fields = {
    number   = text { required = true, unique = true, size = 20 },
    state    = enum "OrderState" { required = true, default = "DRAFT" },
    customer = ref "Customer" { required = true },
    placed   = datetime { required = true, index = true },
    amount   = money { required = true, default = 0 },
    note     = text {},
    lines    = many "OrderLine" { by = "order" },
    created_at = created {},
    updated_at = updated {},
  },
}

model "OrderLine" {
  fields = {
    order    = ref "Order" { required = true, on_delete = "cascade" },
    position = int { required = true, default = 1, min = 1 },
    product  = ref "Product" { required = true, one_sided = true },
    qty      = int { required = true, default = 1, min = 1 },
    price    = money { required = true, min = 0 },
    subtotal = money { stored = sql "qty * price" },
  },
}

access "Customer"  { clerk = "all" }
access "Product"   { clerk = "read" }
access "Order"     { clerk = "all" }
access "OrderLine" { clerk = "all" }
