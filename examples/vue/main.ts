import { createApp } from 'vue'
// @ts-ignore: a .vue file has types only for vue-tsc.
import App from './App.vue'

createApp(App).mount('#root')
